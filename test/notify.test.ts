import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createNotifier } from '../src/system/systemd.js';
import type { Logger } from '../src/types.js';
import { lacksLibsystemd, openReceiver } from './support/service-manager.js';

const variables = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'];
const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Logger;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bathnet-notify-'));
  for (const name of variables) vi.stubEnv(name, undefined);
  vi.clearAllMocks();
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe.skipIf(lacksLibsystemd())('inside a Type=notify service (needs libsystemd.so.0)', () => {
  it('sends every state to the notify socket, in order', () => {
    const manager = openReceiver(join(folder, 'notify'));
    try {
      vi.stubEnv('NOTIFY_SOCKET', manager.path);
      const notifier = createNotifier(log);
      notifier.ready();
      notifier.status('listening\nSTOPPING=1');
      notifier.watchdog();
      notifier.stopping();
      expect(manager.received()).toEqual([
        'READY=1',
        'STATUS=listening STOPPING=1',
        'WATCHDOG=1',
        'STOPPING=1',
      ]);
      expect(log.warn).not.toHaveBeenCalled();
    } finally {
      manager.close();
    }
  });

  it('survives a manager that went away', () => {
    vi.stubEnv('NOTIFY_SOCKET', join(folder, 'gone'));
    const notifier = createNotifier(log);
    expect(() => notifier.ready()).not.toThrow();
  });
});

it('warns once where libsystemd is missing, and goes on', () => {
  vi.stubEnv('NOTIFY_SOCKET', join(folder, 'notify'));
  const notifier = createNotifier(log, 'libmissing.so.0');
  notifier.ready();
  notifier.watchdog();
  expect(log.warn).toHaveBeenCalledOnce();
});

it('asks for the watchdog at half its time', () => {
  vi.stubEnv('NOTIFY_SOCKET', join(folder, 'notify'));
  vi.stubEnv('WATCHDOG_USEC', '30000000');
  expect(createNotifier(log).watchdogIntervalMs).toBe(15_000);
  vi.stubEnv('WATCHDOG_PID', String(process.pid));
  expect(createNotifier(log).watchdogIntervalMs).toBe(15_000);
});

it('leaves a watchdog alone that is meant for another process', () => {
  vi.stubEnv('NOTIFY_SOCKET', join(folder, 'notify'));
  vi.stubEnv('WATCHDOG_USEC', '30000000');
  vi.stubEnv('WATCHDOG_PID', String(process.ppid));
  expect(createNotifier(log)).not.toHaveProperty('watchdogIntervalMs');
});

it('is silent outside of systemd', () => {
  const notifier = createNotifier(log);
  notifier.ready();
  notifier.status('listening');
  notifier.watchdog();
  notifier.stopping();
  expect(notifier).not.toHaveProperty('watchdogIntervalMs');
  expect(log.warn).not.toHaveBeenCalled();
});
