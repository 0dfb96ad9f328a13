import { cpus } from 'node:os';
import { configSchema } from '../../src/config/schema.js';
import type { Options } from './soak.js';
import type { Life } from './supervised.js';

/** What a run has found; times are the world's. */
export interface Result extends Options {
  readonly expected: number;
  readonly delivered: number;
  readonly lost: number;
  /** What is lost, in words: when it sounded, and what was wrong just then. */
  readonly lostAt: readonly string[];
  /** Sounds that the machine was too slow to hear: no fault was made, and yet no sound was analysed. */
  readonly unheard: number;
  /** Events that came more than once, with one id. */
  readonly repeated: number;
  /** Alarms that no sound had been played for. */
  readonly unexpected: number;
  readonly longestDelayMs: number;
  readonly faults: readonly { readonly name: string; readonly times: number; readonly recoveryMs: number }[];
  readonly unrecovered: readonly string[];
  readonly longestDeafnessMs: number;
  readonly lives: readonly Life[];
  /** Ends of the daemon that nobody asked for. */
  readonly crashes: readonly string[];
  /** The daemon's, a text for each life. */
  readonly logs: readonly string[];
  readonly exitCode: number | null;
}

const HOUR_MS = 3_600_000;
const WARM_UP_MS = HOUR_MS / 2;
/** Memory of a shorter time says nothing of how it grows. */
const LEAST_MEASURED_MS = HOUR_MS / 2;
/** Of all sounds: a machine that hears less is too slow for the speed, and the run says nothing. */
const MOST_UNHEARD = 0.5;
/** An hour; and, once, what a heap breathes. */
const MOST_GROWTH_MB = 2;
const BREATH_MB = 10;
const MOST_DESCRIPTORS = 64;
/** The broker declares a daemon gone that it has not heard of for 1.5 times the keepalive; and a machine that is busy. */
const LONGEST_DEAFNESS_MS = 1500 * configSchema.parse({}).mqtt.keepaliveSeconds + 10_000;
const BUSY_MS = 3000;

/** How resident memory grows in the longest life, and over how long; undefined where that was too short. */
function growthOf(lives: readonly Life[]): { megabytesPerHour: number; hours: number } | undefined {
  const { samples } = longestOf(lives);
  const warm = samples.filter(({ atMs }) => atMs - (samples[0]?.atMs ?? 0) >= WARM_UP_MS);
  const [first, last] = [warm[0], warm.at(-1)];
  if (!first || !last || last.atMs - first.atMs < LEAST_MEASURED_MS) return undefined;
  const hours = warm.map(({ atMs }) => atMs / HOUR_MS);
  const megabytes = warm.map(({ rssBytes }) => rssBytes / 1e6);
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [meanHours, meanMegabytes] = [mean(hours), mean(megabytes)];
  const covariance = mean(hours.map((x, i) => (x - meanHours) * (megabytes[i]! - meanMegabytes)));
  const megabytesPerHour = covariance / mean(hours.map((x) => (x - meanHours) ** 2));
  return { megabytesPerHour, hours: (last.atMs - first.atMs) / HOUR_MS };
}

function longestOf(lives: readonly Life[]): Life {
  return lives.reduce((a, b) => (b.samples.length > a.samples.length ? b : a));
}

/** What must not be, in words; none where all is well. */
export function failuresOf(result: Result): string[] {
  const { lives, longestDeafnessMs, speed, expected, unheard } = result;
  const { megabytesPerHour: growth, hours } = growthOf(lives) ?? { megabytesPerHour: 0, hours: 1 };
  const descriptors = mostOf(lives, 'descriptors');
  const longestMs = LONGEST_DEAFNESS_MS + BUSY_MS * speed;
  return [
    ...(result.lost > 0 ? [`${result.lost} events are lost`] : []),
    ...result.lostAt,
    ...result.unrecovered.map((name) => `it did not hear again in time after: ${name}`),
    ...result.crashes.map((end) => `it ended though nobody asked it to: ${end}`),
    ...(result.exitCode === 0 ? [] : [`its last exit code was ${result.exitCode}`]),
    ...(unheard > MOST_UNHEARD * (unheard + expected / 2)
      ? [`${unheard} sounds were not to be heard: lower --speed`]
      : []),
    ...(longestDeafnessMs > longestMs
      ? [`deaf for ${seconds(longestDeafnessMs)} while all seemed well`]
      : []),
    ...(growth > MOST_GROWTH_MB + BREATH_MB / hours
      ? [`memory grows by ${growth.toFixed(1)} MB an hour`]
      : []),
    ...(descriptors > MOST_DESCRIPTORS ? [`${descriptors} descriptors are open`] : []),
  ];
}

/** The figures, as a table of Markdown. */
export function table(result: Result): string {
  const { lives, hours } = result;
  const growth = growthOf(lives);
  const last = longestOf(lives);
  const rows: [string, string][] = [
    ['events expected (starts and ends of alarms)', `${result.expected}`],
    ['delivered', `${result.delivered}`],
    ['lost', `${result.lost}`],
    ['sounds that were not to be heard: the machine was too slow', `${result.unheard}`],
    ['delivered more than once, with one id', `${result.repeated}`],
    ['alarms that no sound was played for', `${result.unexpected}`],
    ['longest from a sound to its alarm, over every fault', seconds(result.longestDelayMs)],
    ['longest deafness while all seemed well', seconds(result.longestDeafnessMs)],
    ['daemon ended though nobody asked it to', `${result.crashes.length}`],
    [
      'memory: growth after warm-up',
      growth === undefined
        ? 'not measured in so short a run'
        : `${growth.megabytesPerHour.toFixed(1)} MB/h over ${growth.hours.toFixed(1)} h`,
    ],
    ['memory: most', `${(mostOf(lives, 'rssBytes') / 1e6).toFixed(0)} MB`],
    ['open descriptors: most', `${mostOf(lives, 'descriptors')}`],
    ['delay of the event loop, p99', `${last.delayP99Ms.toFixed(0)} ms of this machine`],
    ['lines of log an hour, with all these faults', (linesOf(result.logs) / hours).toFixed(0)],
  ];
  return markdown(['', 'figure'], rows);
}

/** Each fault, how often it was made, and what it took to hear again after it. */
export function faultTable({ faults }: Result): string {
  const rows = faults
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .map(({ name, times, recoveryMs }) => [name, `${times}`, recoveryMs > 0 ? seconds(recoveryMs) : '–']);
  return markdown(['fault', 'times', 'longest until it heard again'], rows);
}

/** docs/soak.md. */
export function page(result: Result): string {
  const { hours, speed, seed } = result;
  const failures = failuresOf(result);
  return `# Soak

Made by \`npm run soak -- --hours ${hours.toFixed(1)} --speed ${speed} --seed ${seed} --report docs/soak.md\` on ${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version}.

${hours.toFixed(1)} hours of a made bathroom went through the whole daemon: a sound server, the process that captures, the shipped model, a real Mosquitto. Sounds that must raise an alarm came at known times, and faults that one seed chose, one after the other in what hears and, whatever happened there, one after the other in what delivers. ${failures.length === 0 ? 'Nothing failed.' : `Failed: ${failures.join('; ')}.`}

${table(result)}

## Faults

${faultTable(result)}

An alarm sounds once the daemon hears again after a fault of hearing (a knock tells); where more than 0.3 s of it never reached the daemon although no fault was made, or windows were overwritten, the machine was too slow, and it does not count. Faults of delivery begin and end before, while and after it sounds. In the first three quarters the process of the daemon is never ended, so that its memory can be measured.

## What speed means

All processes but the one that measures lived in a time that ran ${speed} times as fast (\`tools/soak/world.c\`): clocks, timers, time-outs, pauses, the pace of the sound server. The program is the shipped one and has no part in it. ${speed > 1 ? `So these hours were ${(hours / speed).toFixed(1)} of the clock on the wall. What a speed above 1 does not test: what only hours of real time bring out, as in the kernel's own timers, and how little of a machine the daemon needs, for here it needed ${speed} times as much. What the machine itself takes, as for a start, looks ${speed} times as long: the times above are upper limits.` : ''}
`;
}

function linesOf(texts: readonly string[]): number {
  return texts.join('').split('\n').length - 1;
}

function mostOf(lives: readonly Life[], key: 'rssBytes' | 'descriptors'): number {
  return Math.max(0, ...lives.flatMap(({ samples }) => samples.map((sample) => sample[key])));
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(0)} s`;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
