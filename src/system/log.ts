import { fstatSync } from 'node:fs';
import { Writable } from 'node:stream';
import { type DestinationStream, pino } from 'pino';
import type { Logger } from '../types.js';
import { boundedLog } from './bounded-log.js';
import { systemClock } from './clock.js';
import { LogSink } from './log-sink.js';

const STDERR = 2;

/**
 * The logger. Everything goes to stderr, so that stdout stays free for results; in JSON unless a person
 * is looking. It never waits for whoever reads it, and nothing can flood it.
 *
 * @param screen takes the lines instead, where something else is drawn on the terminal
 */
export async function createLog(
  options: { level: string; pretty?: boolean | undefined },
  screen?: Writable,
): Promise<Logger> {
  const forPeople = options.pretty ?? process.stderr.isTTY ?? false;
  const settings = {
    level: options.level,
    base: {},
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  const destination = screen ?? standardError(forPeople);
  return boundedLog(pino(settings, forPeople ? await forReading(destination) : destination), systemClock);
}

/** Loads what a service has no use for. */
async function forReading(destination: DestinationStream): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  return pretty({
    destination: asWritable(destination),
    sync: true,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  });
}

function standardError(forPeople: boolean): DestinationStream {
  // A disk that is busy makes writers wait, too; a terminal or pipe has a buffer that can be full for ever.
  if (isFile(STDERR)) return pino.destination({ dest: STDERR, sync: false, maxLength: 2 ** 20 });
  return new LogSink(process.stderr, (dropped) => droppedLine(dropped, forPeople));
}

function droppedLine(dropped: number, forPeople: boolean): string {
  const msg = 'log lines were dropped, because nobody read them';
  const time = new Date().toISOString();
  return forPeople ? `${dropped} ${msg}\n` : `${JSON.stringify({ level: 'warn', time, dropped, msg })}\n`;
}

function asWritable(destination: DestinationStream): Writable {
  return destination instanceof Writable
    ? destination
    : new Writable({
        decodeStrings: false,
        write(chunk, _, done) {
          destination.write(String(chunk));
          done();
        },
      });
}

function isFile(descriptor: number): boolean {
  try {
    // As bigint: the other numbers lie where Node's resolver of links looks, which takes a pipe there for the end of a
    // path and loads a package behind a link twice, or empty (test/linked-packages.test.ts).
    return fstatSync(descriptor, { bigint: true }).isFile();
  } catch {
    return false; // closed: what is written goes nowhere
  }
}
