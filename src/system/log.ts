import type { Writable } from 'node:stream';
import { type Logger as PinoLogger, pino } from 'pino';
import pretty from 'pino-pretty';

/**
 * The logger. Everything goes to stderr, so that stdout stays free for results; in JSON unless a person
 * is looking.
 *
 * @param screen takes the lines instead, where something else is drawn on the terminal
 */
export function createLog(
  options: { level: string; pretty?: boolean | undefined },
  screen?: Writable,
): PinoLogger {
  const forPeople = options.pretty ?? process.stderr.isTTY ?? false;
  const settings = {
    level: options.level,
    base: {},
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return forPeople
    ? pino(
        settings,
        pretty({ destination: screen ?? 2, sync: true, translateTime: 'SYS:HH:MM:ss.l', singleLine: true }),
      )
    : pino(settings, screen ?? pino.destination({ fd: 2, sync: true }));
}
