import { validateHeaderValue } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ntfyLetter } from '../../src/notify/ntfy.js';
import { pageUrl } from '../../src/publish/page-url.js';

const notice = (event: object, name = 'Bathroom') =>
  JSON.stringify({ device: { id: 'b', name }, at: '2026-11-27T18:40:49.000Z', test: false, ...event });

/** What a server makes of a header (RFC 2047). */
const decoded = (header = '') =>
  header
    .replaceAll(/\?=\s+=\?/g, '?==?')
    .replaceAll(/=\?UTF-8\?B\?([^?]*)\?=/g, (_, text: string) => Buffer.from(text, 'base64').toString());

describe('what ntfy is sent', () => {
  it('says where it is, what was heard, and rings', () => {
    const event = { event_type: 'alarm_started', label: 'abnormal', kind: 'scream' };
    expect(ntfyLetter(notice(event), 'http://bath:8099/')).toEqual({
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        title: 'Bathroom: alarm',
        priority: '5',
        tags: 'rotating_light',
        click: 'http://bath:8099/',
      },
      body: 'Heard: scream.',
    });
    expect(ntfyLetter(notice({ event_type: 'alarm_started', label: 'abnormal' }), undefined)).toMatchObject({
      headers: expect.not.objectContaining({ click: expect.anything() }),
      body: 'Heard: abnormal.',
    });
  });

  it('leads nowhere where the page has no address that can be written', () => {
    const event = { event_type: 'alarm_started', label: 'abnormal' };
    for (const host of ['fe80::1%eth0', '0.0.0.0']) {
      const clickUrl = pageUrl({ enabled: true, host, port: 8099 }, 'room.101');
      expect(ntfyLetter(notice(event), clickUrl).headers).not.toHaveProperty('click');
    }
  });

  it('leads to an address that a header can hold', () => {
    const { headers } = ntfyLetter(notice({ event_type: 'alarm_started' }), 'https://bad.example/浴室?a=ü');
    expect(headers.click).toBe('https://bad.example/%E6%B5%B4%E5%AE%A4?a=%C3%BC');
    expect(() => validateHeaderValue('click', headers.click ?? '')).not.toThrow();
  });

  it.each([
    [
      { event_type: 'alarm_escalated', label: 'x', unacknowledgedSeconds: 121 },
      '5',
      'Heard: x. Unanswered for 2 min.',
    ],
    [{ event_type: 'alarm_ended', label: 'x', durationSeconds: null }, '2', 'Heard: x.'],
    [
      { event_type: 'long_stay', durationSeconds: 1800, silentSeconds: 1740 },
      '5',
      'There for 30 min, silent for 29 min.',
    ],
    [{ event_type: 'water_running_long', durationSeconds: 1800 }, '4', 'For 30 min.'],
    [{ event_type: 'deaf', problems: ['no_sound', 'engine_failed'] }, '4', 'no_sound, engine_failed'],
    [{ event_type: 'hears_again', problems: [] }, '2', 'Sound arrives.'],
    [{ event_type: 'test' }, '3', 'Somebody has pressed the test button.'],
    [{ event_type: 'something_new', label: 'x' }, '3', 'Heard: x.'],
  ])('has words for %j', (event, priority, body) => {
    expect(ntfyLetter(notice(event), undefined)).toMatchObject({ headers: { priority }, body });
  });

  it('does not ring for what is played, and says that it is', () => {
    const { headers } = ntfyLetter(notice({ event_type: 'alarm_started', test: true }), undefined);
    expect(headers).toMatchObject({ title: 'Test: Bathroom: alarm', priority: '3' });
  });

  it('says when it was, where it is late', () => {
    const { body } = ntfyLetter(
      notice({ event_type: 'alarm_started', label: 'x', replayed: true }),
      undefined,
    );
    expect(body).toMatch(/^Heard: x\. This was at 2026-11-2[678] \d\d:40:49\.$/);
  });

  it('carries any name in its title, and no line break', () => {
    expect(
      decoded(
        ntfyLetter(notice({ event_type: 'test' }, 'Bad im 1. Stock – Großmutter 🛁'), undefined).headers
          .title,
      ),
    ).toBe('Bad im 1. Stock – Großmutter 🛁: test alarm');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const { title = '' } = ntfyLetter(notice({ event_type: 'test' }, name), undefined).headers;
        expect(title).toMatch(/^[\x20-\x7e]+$/);
        for (const word of title.split(' '))
          if (word.startsWith('=?')) expect(word.length).toBeLessThanOrEqual(75);
        const kept = name.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
        if (!kept.includes('=?')) expect(decoded(title)).toBe(`${kept}: test alarm`.replace(/^ /, ''));
      }),
      { examples: [['! '], [' \u0001bath\n']] },
    );
  });
});
