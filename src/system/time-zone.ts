import { readlinkSync } from 'node:fs';
import type { Logger } from '../types.js';

/** UTC, GMT and what else never differs from it, as versions of Node call it. */
const SAME_AS_UTC = ['UTC', '+00:00'];
/** Node's zone where it does not know the one that it was told, as versions of it call it. */
const UNKNOWN: readonly (string | undefined)[] = [undefined, 'Etc/Unknown'];

/** What local time is here. */
export interface TimeZone {
  /** `14:05 now (Europe/Berlin, UTC+02:00)` */
  readonly text: string;
  /** What is wrong with it, or may be, and how to mend that. */
  readonly doubt?: { readonly isWrong: boolean; readonly text: string; readonly hint: string };
}

/**
 * The zone in force. Node takes UTC for a `TZ` that it does not know, and where nothing tells it any, without a word.
 *
 * @param told `$TZ`
 */
export function timeZone(told = process.env.TZ): TimeZone {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const now = new Date();
  const isUtc = UNKNOWN.includes(name) || SAME_AS_UTC.includes(name);
  const text = `${timeOf(now)} now (${isUtc ? 'UTC' : `${name}, ${offsetOf(now)}`})`;
  if (!isUtc) return { text };
  if (told && (UNKNOWN.includes(name) || !meansUtc(told))) {
    const bare = told.replaceAll(/^[\s"']+|[\s"']+$/g, '');
    const hint = `Set it to the name of a zone, without quotes: TZ=${isZone(bare) ? bare : 'Europe/Berlin'}`;
    return {
      text,
      doubt: { isWrong: true, text: `TZ is ${JSON.stringify(told)}, which is no time zone`, hint },
    };
  }
  if (told) return { text };
  const hint = 'Where that is not your time: set the zone of this machine (timedatectl set-timezone), or TZ.';
  return { text, doubt: { isWrong: false, text: 'local time is UTC', hint } };
}

/** Takes up the zone that this machine is given while the process runs: Node asks for it only once. */
export class ZoneWatch {
  #link: string | undefined;

  /** @param path that names it, where it is a link */
  constructor(private readonly path = '/etc/localtime') {
    this.#link = this.#read();
  }

  /** @returns whether there is another one now; a `TZ` of this process stays */
  look(): boolean {
    const link = this.#read();
    if (process.env.TZ !== undefined || link === undefined || link === this.#link) return false;
    this.#link = link;
    // Node asks again when this changes.
    process.env.TZ = 'UTC';
    delete process.env.TZ;
    return true;
  }

  #read(): string | undefined {
    try {
      return readlinkSync(this.path);
    } catch {
      return undefined; // a copy, or none
    }
  }
}

/** Says by which time quiet hours begin and end. */
export function sayQuietHours(
  { from, to }: { readonly from: string; readonly to: string },
  log: Logger,
): void {
  const { text, doubt } = timeZone();
  if (doubt?.isWrong) log.warn({ hint: doubt.hint }, `${doubt.text}: quiet hours are by UTC`);
  log.info({ from, to }, `quiet hours are by local time: ${text}`);
}

function timeOf(date: Date): string {
  return [date.getHours(), date.getMinutes()].map(twoDigits).join(':');
}

function offsetOf(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60].map(twoDigits);
  return `UTC${minutes < 0 ? '−' : '+'}${hours}:${rest}`;
}

const twoDigits = (value: number) => String(value).padStart(2, '0');

function meansUtc(zone: string): boolean {
  return isZone(zone) && zoneOf(zone) === zoneOf('UTC');
}

function isZone(zone: string): boolean {
  try {
    return zoneOf(zone) !== '';
  } catch {
    return false;
  }
}

/** @throws RangeError where there is no such zone */
function zoneOf(zone: string): string {
  return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone;
}
