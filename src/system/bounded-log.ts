import { kindOf } from '../errors.js';
import type { Clock, Logger } from '../types.js';
import { Paced } from './paced.js';

/** Lines of one kind that are said one by one; what comes faster is counted, and the count said with the newest. */
const BURST = 20;
const EVERY_MS = 600_000;
/** Kinds that are told apart at one time. What is new beyond that is of one kind. */
const MOST_KINDS = 200;

type Level = 'info' | 'warn' | 'error';

/** Lines that differ in nothing but numbers. */
interface Kind {
  readonly paced: Paced;
  unsaid: number;
  fields: object;
  message: string;
}

/**
 * A log that nothing can flood: of each kind of line so many are said in an hour, whatever a broker, a microphone or a
 * stranger who publishes commands does. What is for debugging has no bound.
 */
export function boundedLog(log: Logger, clock: Clock): Logger {
  const kinds = new Map<string, Kind>();

  const add = (level: Level, name: string): Kind => {
    const say = (late: boolean) => {
      const { unsaid: times, fields, message } = kind;
      kind.unsaid = 0;
      if (late) log[level]({ ...fields, times }, `${times} more like this, the last one: ${message}`);
      else log[level](fields, message);
    };
    const kind: Kind = { paced: new Paced(BURST, EVERY_MS, clock, say), unsaid: 0, fields: {}, message: '' };
    kinds.set(name, kind);
    return kind;
  };
  const find = (level: Level, message: string): Kind => {
    const name = `${level} ${kindOf(message)}`;
    if (!kinds.has(name) && kinds.size >= MOST_KINDS)
      for (const [each, { paced }] of kinds) if (paced.rested) kinds.delete(each);
    const known = kinds.has(name) || kinds.size < MOST_KINDS ? name : level;
    return kinds.get(known) ?? add(level, known);
  };
  const write = (level: Level) => (fields: object, message: string) => {
    const kind = find(level, message);
    kind.unsaid++;
    kind.fields = fields;
    kind.message = message;
    kind.paced.ask();
  };
  const debug = (fields: object, message: string) => log.debug(fields, message);
  return { debug, info: write('info'), warn: write('warn'), error: write('error') };
}
