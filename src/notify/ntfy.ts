import { z } from 'zod';
import type { Letter } from './post.js';

/** Of a notice, what a person is told. */
const noticeSchema = z.object({
  device: z.object({ name: z.string() }),
  event_type: z.string(),
  at: z.string(),
  test: z.boolean().default(false),
  replayed: z.boolean().default(false),
  label: z.string().optional(),
  kind: z.string().optional(),
  name: z.string().optional(),
  repetition: z.number().optional(),
  unacknowledgedSeconds: z.number().optional(),
  durationSeconds: z.number().nullish(),
  silentSeconds: z.number().optional(),
  afterSeconds: z.number().optional(),
  problems: z.array(z.string()).optional(),
});

type Notice = z.infer<typeof noticeSchema>;

interface Wording {
  readonly title: string;
  /** 1…5; 5 rings until it is seen. https://docs.ntfy.sh/publish/#message-priority */
  readonly priority: number;
  /** Names of emoji. https://docs.ntfy.sh/emojis/ */
  readonly tags: string;
  text(notice: Notice): string;
}

const heard = ({ kind, label }: Notice) => `Heard: ${kind ?? label ?? 'something'}.`;
const minutes = (seconds: number | null | undefined) =>
  typeof seconds === 'number' ? `${Math.round(seconds / 60)} min` : 'a time';
const problems = (notice: Notice) => notice.problems?.join(', ') ?? '';

const WORDINGS: Readonly<Record<string, Wording>> = {
  alarm_started: { title: 'alarm', priority: 5, tags: 'rotating_light', text: heard },
  alarm_escalated: {
    title: 'alarm, and nobody has answered',
    priority: 5,
    tags: 'rotating_light,warning',
    text: (notice) => `${heard(notice)} Unanswered for ${minutes(notice.unacknowledgedSeconds)}.`,
  },
  alarm_ended: { title: 'alarm has ended', priority: 2, tags: 'white_check_mark', text: heard },
  alarm_acknowledged: { title: 'alarm was answered', priority: 2, tags: 'eyes', text: heard },
  long_stay: {
    title: 'somebody is there and makes no sound',
    priority: 5,
    tags: 'hourglass',
    text: ({ durationSeconds, silentSeconds }) =>
      `There for ${minutes(durationSeconds)}, silent for ${minutes(silentSeconds)}.`,
  },
  water_running_long: {
    title: 'water has been running for long',
    priority: 4,
    tags: 'droplet',
    text: ({ durationSeconds }) => `For ${minutes(durationSeconds)}.`,
  },
  sound_heard: {
    title: 'hears what it was to listen for',
    priority: 5,
    tags: 'loud_sound',
    text: ({ name }) => `Heard: ${name}.`,
  },
  deaf: { title: 'hears nothing', priority: 4, tags: 'mute', text: problems },
  hears_again: { title: 'hears again', priority: 2, tags: 'ear', text: () => 'Sound arrives.' },
  problem: { title: 'has a problem', priority: 3, tags: 'wrench', text: problems },
  problem_over: {
    title: 'is fine again',
    priority: 2,
    tags: 'white_check_mark',
    text: () => 'No problem is left.',
  },
  test: {
    title: 'test alarm',
    priority: 3,
    tags: 'test_tube',
    text: () => 'Somebody has pressed the test button.',
  },
};

/**
 * A notice as ntfy takes it: text as body, all else in headers (https://docs.ntfy.sh/publish/).
 *
 * @param clickUrl what a tap opens
 */
export function ntfyLetter(notice: string, clickUrl: string | undefined): Letter {
  const event = noticeSchema.parse(JSON.parse(notice));
  const { title, priority, tags, text } = WORDINGS[event.event_type] ?? {
    ...{ title: event.event_type, priority: 3, tags: 'ear', text: heard },
  };
  const played = event.test && event.event_type !== 'test';
  return {
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      title: headerText(`${played ? 'Test: ' : ''}${oneLine(event.device.name)}: ${title}`),
      priority: String(played ? Math.min(priority, 3) : priority),
      tags,
      ...(clickUrl !== undefined && { click: new URL(clickUrl).href }), // ASCII, whatever it is made of
    },
    body: `${text(event)}${event.replayed ? ` This was at ${localTime(event.at)}.` : ''}`,
  };
}

/** What is late says when it was, by the clock of this place. */
function localTime(at: string): string {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? 'a time not known' : time.toLocaleString('sv-SE'); // 2026-11-27 18:40:49
}

/** ASCII as it is, anything else as RFC 2047 says: pieces of at most 75 characters, none of which cuts a letter. */
function headerText(text: string): string {
  const line = oneLine(text);
  if (/^[\x20-\x7e]*$/.test(line)) return line;
  const letters = [...line];
  const words: string[] = [];
  for (let i = 0; i < letters.length; i += 11)
    words.push(`=?UTF-8?B?${Buffer.from(letters.slice(i, i + 11).join('')).toString('base64')}?=`);
  return words.join(' ');
}

/** Without what would end a header, nor space around it. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
}
