import { z } from 'zod';
import { SENSITIVITIES } from '../constants.js';
import type { Acknowledgement, Denial, SettingName, Verdict } from '../types.js';
import type { IncomingMessage } from './connection.js';

/** No command is longer than this; whatever is, is not looked at. */
const MAX_BYTES = 1000;
/** The name of whoever acknowledges an alarm, and the id of an alarm. */
const LONGEST = 80;
const shortText = z
  .string()
  .trim()
  .min(1)
  .max(LONGEST)
  .regex(/^\P{Cc}*$/u);
const acknowledgement = z
  .strictObject({ by: shortText.optional(), episodeId: shortText.optional() })
  .refine(({ by, episodeId }) => by !== undefined || episodeId !== undefined);

const VERDICTS = ['false_alarm', 'real_alarm'] as const satisfies readonly Verdict[];
const judgement = z.strictObject({ verdict: z.enum(VERDICTS), episodeId: shortText.optional() });

/** The text of a message that can be a command. */
export function textOf({ payload, retained }: IncomingMessage): { text: string } | Denial {
  if (retained)
    return malformed(
      'it was retained, so it may be of any age; publish commands without the retain flag (mosquitto_pub -r -n removes this one)',
    );
  if (payload.length > MAX_BYTES)
    return { code: 'too_long', problem: `${payload.length} bytes are too many` };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(payload).trim() };
  } catch {
    return malformed('expected text, found bytes that are no UTF-8');
  }
}

export function parseValue(name: SettingName, text: string): boolean | number | string | undefined {
  if (name === 'enabled') return text === 'ON' ? true : text === 'OFF' ? false : undefined;
  if (name === 'sensitivity') return SENSITIVITIES.find((each) => each === text);
  if (name === 'quietFrom' || name === 'quietTo') return parseTimeOfDay(text);
  return parseNumber(text);
}

/** Home Assistant says `22:00:00`; seconds do not matter. */
function parseTimeOfDay(text: string): string | undefined {
  const [, hours, minutes] = /^(\d{1,2}):(\d\d)(?::\d\d)?$/.exec(text) ?? [];
  if (hours === undefined || Number(hours) > 23 || Number(minutes) > 59) return undefined;
  return `${hours.padStart(2, '0')}:${minutes}`;
}

export function parseNumber(text: string): number | undefined {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

export function expectedOf(name: SettingName): string {
  if (name === 'enabled') return 'ON or OFF';
  if (name === 'quietFrom' || name === 'quietTo') return 'a time of day such as 22:00';
  return name === 'sensitivity' ? SENSITIVITIES.join(', ') : 'a number';
}

/** Where the text is none that the command knows. */
export function malformed(problem: string): Denial {
  return { code: 'malformed', problem };
}

export function notPressed(text: string): Denial | undefined {
  return text === 'PRESS' ? undefined : malformed('expected PRESS');
}

export function acknowledge(
  text: string,
  take: (given: Acknowledgement) => Denial | undefined,
): Denial | undefined {
  let given: Acknowledgement = {};
  try {
    if (text !== 'PRESS') given = acknowledgement.parse(JSON.parse(text));
  } catch {
    return malformed(
      `expected PRESS, or {"by":"…","episodeId":"…"}, both or one of them, of at most ${LONGEST} characters`,
    );
  }
  return take(given);
}

export function judge(
  text: string,
  give: (verdict: Verdict, episodeId?: string) => Denial | undefined,
): Denial | undefined {
  let given: z.infer<typeof judgement>;
  try {
    given = judgement.parse(text.startsWith('{') ? JSON.parse(text) : { verdict: text });
  } catch {
    return malformed(`expected ${VERDICTS.join(' or ')}, or {"verdict":"false_alarm","episodeId":"…"}`);
  }
  return give(given.verdict, given.episodeId);
}
