import { z } from 'zod';
import { SENSITIVITIES, WINDOW_SAMPLES } from '../constants.js';
import { denseLayers } from './dense-manifest.js';

const kind = z.string().regex(/^[a-z][a-z0-9_-]*$/);
const kinds = z.array(kind).min(1).max(100);

/** How the sound's level in blocks becomes inputs: `features/level-history.ts`. */
const levels = z.strictObject({
  blocks: z.int().min(0).max(100),
  /** In steps of 5 ms. */
  blockSamples: z.int().positive().multipleOf(80),
  /** The floor is the quietest mean power of so many blocks in a row. */
  floorBlocks: z.int().positive(),
  /** So many decibels above the floor are 1… */
  scaleDb: z.number().positive(),
  /** …and no more counts than this. */
  limit: z.number().positive(),
});

/** When what is said adds up to an alarm; see `alarm/evidence.ts`. */
const evidence = z.strictObject({
  /** Measured on hours of a room as it is used. */
  falseAlarmsPerDay: z.number().min(0),
  /** What is left of the evidence after `hopSamples`. */
  leak: z.number().min(0).max(1),
  /** Of each alarm kind: evidence from which on it alarms, in nats… */
  lines: z.record(kind, z.number().positive()),
  /** …and what is added to its log-odds. */
  offsets: z.record(kind, z.number()),
  /** An impact and what comes after it, where that is right often enough to be on unless somebody says otherwise. */
  thump: z
    .strictObject({
      line: z.number().positive(),
      silenceSeconds: z.number().min(3),
      /** Evidence for an impact and for a voice in distress that follows it. */
      voice: z
        .strictObject({ line: z.number().positive(), seconds: z.number().positive().max(60) })
        .optional(),
    })
    .optional(),
});

/**
 * A small network with a memory: says of the last seconds how likely each kind of event is.
 *
 * Per window `window` makes z [U] of the embedding. `layers` go from the z of the last windows, oldest first
 * [windows · U], their maximum [U] and the levels [blocks] to one natural log-odds per kind, calibrated.
 */
export const eventManifest = z.strictObject({
  /** Those that alarm first. */
  kinds,
  windows: z.int().positive().max(32),
  /** From window to window, of the sound that it was trained on. */
  hopSamples: z.int().min(1600).max(WINDOW_SAMPLES),
  levels,
  window: denseLayers,
  layers: denseLayers,
  alarm: z.strictObject({
    kinds,
    sensitivities: z.record(z.enum(SENSITIVITIES), evidence),
  }),
});

export type EventManifest = z.infer<typeof eventManifest>;

/** What the schema cannot say, each as the rest of a sentence that begins with `event`. */
export function eventProblems({
  kinds,
  windows,
  hopSamples,
  levels,
  layers,
  alarm,
}: EventManifest): string[] {
  const problems: string[] = [];
  const demand = (holds: boolean, text: string) => {
    if (!holds) problems.push(text);
  };
  demand(new Set(kinds).size === kinds.length, ' has a kind twice');
  demand(layers.at(-1)?.units === kinds.length, `: ${layers.at(-1)?.units} outputs, ${kinds.length} kinds`);
  demand(layers.at(-1)?.activation === 'linear', ': its last layer is not linear, so it gives no log-odds');
  const heard = WINDOW_SAMPLES + (windows - 1) * hopSamples;
  demand(
    levels.blocks * levels.blockSamples <= heard,
    `: ${levels.blocks} blocks of ${levels.blockSamples} samples are more than its ${windows} windows span, ${heard}`,
  );
  demand(
    levels.floorBlocks <= Math.max(1, levels.blocks),
    `: its floor takes ${levels.floorBlocks} of ${levels.blocks} blocks`,
  );
  demand(
    alarm.kinds.every((each, i) => kinds[i] === each),
    `: its kinds do not begin with those that alarm, ${alarm.kinds.join(', ')}`,
  );
  for (const [sensitivity, { thump }] of Object.entries(alarm.sensitivities))
    demand(
      !thump || alarm.kinds.includes('impact'),
      `: sensitivity ${sensitivity} has a thump, but no kind impact alarms`,
    );
  for (const [sensitivity, { lines, offsets }] of Object.entries(alarm.sensitivities))
    for (const [what, values] of Object.entries({ lines, offsets }))
      demand(
        Object.keys(values).sort().join() === alarm.kinds.toSorted().join(),
        `: sensitivity ${sensitivity} has ${what} for ${Object.keys(values).join(', ')}, not for ${alarm.kinds.join(', ')}`,
      );
  return problems;
}
