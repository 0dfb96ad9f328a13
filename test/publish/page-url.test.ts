import { describe, expect, it } from 'vitest';
import { pageUrl } from '../../src/publish/page-url.js';

describe('the address of the page', () => {
  it.each([
    ['192.168.1.5', 'http://192.168.1.5:8099/'],
    ['fd00::1', 'http://[fd00::1]:8099/'],
    ['localhost', undefined],
    ['127.0.1.1', undefined],
    ['::1', undefined],
    ['0:0:0:0:0:0:0:1', undefined],
    ['0.0.0.0', 'http://pi:8099/'],
    ['::', 'http://pi:8099/'],
  ])('is that of host %s, where others reach it: %s', (host, expected) => {
    const web = { enabled: true, host, port: 8099 };
    expect(pageUrl(web, 'pi')).toBe(expected);
    expect(pageUrl(web)).toBe(expected?.includes('//pi') ? undefined : expected);
    expect(pageUrl({ ...web, port: 0 }, 'pi')).toBeUndefined();
    expect(pageUrl({ ...web, url: 'https://home.example/' })).toBe('https://home.example/');
    expect(pageUrl({ ...web, enabled: false, url: 'https://home.example/' })).toBeUndefined();
  });
});
