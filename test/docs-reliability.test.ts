import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { NEVER_LOUD_HOURS } from '../src/alarm/doubts.js';
import { LONGEST_REMINDER_MS } from '../src/alarm/escalation.js';
import { BACKOFF_MIN_SECONDS } from '../src/audio/input.js';
import { MENDED_SECONDS, PATIENCE_SECONDS } from '../src/audio/microphone-watch.js';
import { MEASURE_SECONDS as MIX_SECONDS } from '../src/audio/mix-watch.js';
import { MEASURE_MS as RATE_MS } from '../src/audio/rate-watch.js';
import { MINUTES_TO_KNOW } from '../src/audio/usual-quiet.js';
import { LOSSY_MEASURES } from '../src/audio/watched-input.js';
import { configSchema } from '../src/config/schema.js';
import { LOSS_SAID_MS } from '../src/constants.js';
import { RETRY_MS as TAKEN_RETRY_MS } from '../src/daemons.js';
import { ENGINE_TIMEOUT_MS } from '../src/listener.js';
import { WINDOW_LIMIT_MS } from '../src/model/neuron/process.js';
import { PAUSE, PRESSING_MS } from '../src/notify/courier.js';
import { POST_LIMIT_MS, WAITING } from '../src/notify/notifier.js';
import { PROBLEMS } from '../src/problems.js';
import { UNHEARD_MS } from '../src/publish/audience.js';
import { STALE_SECONDS } from '../src/publish/diagnostics.js';
import { AGAIN_WITHIN_MS } from '../src/publish/losses.js';
import { DEFAULT_TIMING } from '../src/publish/options.js';
import { COSTLY, LONGEST_RETRY_MS } from '../src/publish/refusals.js';
import { BACK_MS, HEALTH_INTERVAL_MS } from '../src/publish/reporter.js';
import { LOOK_MS } from '../src/storage/device.js';
import { DISK_SPACE_MS, NEARLY_FULL_BYTES, NEARLY_FULL_SHARE } from '../src/storage/disk-space.js';
import { RETRY_MS as DISK_RETRY_MS } from '../src/storage/outbox-disk.js';
import { OFTEN_WITHIN_MS } from '../src/storage/restarts.js';
import { ADDRESS_MS, NAME_MS } from '../src/system/addresses.js';
import {
  BEAT_MS,
  LONGEST_MS as HANGING_MS,
  LONGEST_ASKED_MS,
  LONGEST_START_MS,
} from '../src/system/heartbeat.js';

const docs = new URL('../docs/', import.meta.url);
const text = (path: string, base = docs) => readFileSync(fileURLToPath(new URL(path, base)), 'utf8');
const page = text('reliability.md');
/** Five cells each, without the heads. */
const rows = [...page.matchAll(/^\| (?!fault|---)(.*) \|$/gm)].map(([, row = '']) => row.split(' | '));

const config = configSchema.parse({});
const unit = text('../systemd/bathnet2mqtt.service');
const unitSeconds = (key: string) => Number(new RegExp(`^${key}=(\\d+)$`, 'm').exec(unit)?.[1]);
/** The app waits as systemd does. */
const appSeconds = Number(/RESTART_MS = (\d+)/.exec(text('../bathnet2mqtt/start.mjs'))?.[1]) / 1000;
const seconds = (...ms: number[]) => ms.map((each) => `${each / 1000} s`);

const microphone = Object.entries(PATIENCE_SECONDS).map(([problem, patience]): [string, string[]] => [
  problem,
  [
    `${patience} s`,
    ...(problem === 'microphone_muted' ? [`${MINUTES_TO_KNOW / 60} h`] : []),
    `${MENDED_SECONDS} s`,
  ],
]);

/** What a row is known by, and every time in it. */
const times: [string, string[]][] = [
  [
    'sound server or the program ends',
    [`${BACKOFF_MIN_SECONDS} s`, `${config.input.reopenMaxSeconds} s`, ...seconds(BACK_MS)],
  ],
  [
    'program stands still',
    [`${config.input.noDataTimeoutSeconds} s`, `${config.input.firstSoundTimeoutSeconds} s`],
  ],
  ...microphone,
  ['wrong_sample_rate', seconds(2 * RATE_MS, 6 * RATE_MS, 3 * RATE_MS)],
  ['channels_cancel', [`${LOSSY_MEASURES * MIX_SECONDS} s`, `${MIX_SECONDS} s`]],
  ['never_loud', [`${NEVER_LOUD_HOURS} h`]],
  ['windows_dropped', [...seconds(HEALTH_INTERVAL_MS), `${AGAIN_WITHIN_MS / 60_000} min`]],
  ['engine_failed', [...seconds(ENGINE_TIMEOUT_MS), `${unitSeconds('RestartSec')} s`]],
  ['npu_failed', seconds(WINDOW_LIMIT_MS)],
  ['The whole process hangs', [...seconds(HANGING_MS, LONGEST_START_MS), `${unitSeconds('RestartSec')} s`]],
  ['asked to stop while it hangs', seconds(LONGEST_ASKED_MS + 2 * BEAT_MS)],
  ['killed or crashes', [`${LONGEST_REMINDER_MS / 60_000} min`, `${unitSeconds('RestartSec')} s`]],
  ['daemon of the app for Home Assistant', [`${appSeconds} s`]],
  ['configuration names cannot be read', [`${unitSeconds('RestartSec')} s`]],
  ['restarts_often', Array(2).fill(`${OFTEN_WITHIN_MS / 3_600_000} h`)],
  ['input_taken', seconds(TAKEN_RETRY_MS)],
  ['loses power', [`${1.5 * config.mqtt.keepaliveSeconds} s`]],
  [
    'The broker is away',
    [
      `${DEFAULT_TIMING.warnEveryMs / 60_000} min`,
      ...seconds(DEFAULT_TIMING.reconnectMinMs, DEFAULT_TIMING.reconnectMaxMs, DEFAULT_TIMING.urgentMaxMs),
    ],
  ],
  [
    'Home Assistant is away',
    [...seconds(DEFAULT_TIMING.announceMaxMs), `${LONGEST_REMINDER_MS / 60_000} min`],
  ],
  ['addresses of broker or server', seconds(ADDRESS_MS)],
  ['resolver of names', seconds(NAME_MS)],
  ['dies together with the daemon', [`${STALE_SECONDS} s`]],
  ['swallows what is sent', seconds(DEFAULT_TIMING.ackTimeoutMs)],
  ['messages_refused', [...seconds(DEFAULT_TIMING.refusedRetryMs), `${LONGEST_RETRY_MS / 60_000} min`]],
  ['messages_not_passed_on', seconds(DEFAULT_TIMING.echoTimeoutMs)],
  ['nobody_listens', [...seconds(DEFAULT_TIMING.refusedRetryMs), `${UNHEARD_MS / 3_600_000} h`]],
  ['Somebody else says on `availability`', seconds(DEFAULT_TIMING.echoTimeoutMs)],
  ['events_dropped', [...seconds(HEALTH_INTERVAL_MS), `${LOSS_SAID_MS / 3_600_000} h`]],
  [
    'notify_failed',
    [
      ...seconds(POST_LIMIT_MS, config.notify.commandSeconds * 1000, PAUSE.reconnectMinMs),
      `${PAUSE.reconnectMaxMs / 60_000} min`,
      `${PRESSING_MS / 60_000} min`,
      `${LOSS_SAID_MS / 3_600_000} h`,
    ],
  ],
  ['removed or replaced', seconds(LOOK_MS)],
  ['disk_nearly_full', seconds(DISK_SPACE_MS)],
  ['outbox_not_durable', seconds(HEALTH_INTERVAL_MS, DISK_RETRY_MS, LOOK_MS)],
];

describe('docs/reliability.md', () => {
  it('names every problem in one row, and no other', () => {
    const named = rows.flatMap(([, said = '']) => [...said.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)]);
    const problems = named.map(([, name]) => name).filter((name) => name !== 'input_lost');
    const twice = new Set(['no_sound']); // it ends, or stands still
    const once = problems.filter((name, i) => !(twice.has(name ?? '') && problems.indexOf(name) < i));
    expect(once.sort()).toStrictEqual(Object.values(PROBLEMS).flat().sort());
  });

  it.each(times)('says the truth of the times of: %s', (known, expected) => {
    const found = rows.filter((row) => row.join(' ').includes(known));
    expect(found).toHaveLength(1);
    expect(
      found[0]
        ?.slice(1, 4)
        .join(' ')
        .match(/[\d.]+ (?:s|min|h)\b/g),
    ).toStrictEqual(expected);
  });

  it('has no time beside those', () => {
    const others = rows.filter((row) => !times.some(([known]) => row.join(' ').includes(known)));
    expect(others.filter((row) => /\d (?:s|min|h)\b/.test(row.join(' ')))).toStrictEqual([]);
  });

  it('has the bounds of what waits, how much later, and how often health is said', () => {
    const { outboxEvents, outboxBytes, outboxDays } = config.mqtt;
    expect(page).toContain(`${outboxEvents} events, ${outboxBytes / 1e6} MB, ${outboxDays} days`);
    expect(page).toContain(`at once for a new event, for ${WAITING.days} days`);
    expect(page).toContain(`no alarm waits, ${COSTLY} times as late`);
    expect(page).toContain(`${NEARLY_FULL_BYTES / 1e6} MB are free, or ${100 * NEARLY_FULL_SHARE} %`);
    expect(page).toContain(`is said again every ${HEALTH_INTERVAL_MS / 1000} s`);
  });

  it('shows every fault by a test that there is', () => {
    const shown = rows.map((row) => [...(row[4] ?? '').matchAll(/\[([^\]]+)\]\((\.\.\/test\/[^)]+)\)/g)]);
    expect(rows.filter((_, i) => shown[i]?.length === 0)).toStrictEqual([]);
    const missing = shown.flat().filter(([, title = '', path = '']) => {
      const file = fileURLToPath(new URL(path, docs));
      return !existsSync(file) || !readFileSync(file, 'utf8').includes(title);
    });
    expect(missing.map(([link]) => link)).toStrictEqual([]);
  });
});
