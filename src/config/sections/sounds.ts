import { z } from 'zod';
import { RHYTHMS } from '../../constants.js';
import { probability, seconds } from '../values.js';

const settings = z.strictObject({
  name: z.string().min(1).max(100),
  classes: z.array(z.string().min(1)).max(50),
  rhythm: z.enum([...RHYTHMS, 'none']),
  threshold: probability(),
  hits: z.int().min(1).max(100),
  withinSeconds: seconds(1),
  holdSeconds: seconds(1),
  event: z.boolean(),
});

/** A sound that can be listened for: by its classes, by its rhythm, or by either. */
const sound = settings.refine(({ classes, rhythm }) => classes.length > 0 || rhythm !== 'none');

export type Sound = z.infer<typeof sound>;

const RULE = {
  ...{ classes: [], rhythm: 'none', threshold: 0.2, hits: 2, withinSeconds: 5, holdSeconds: 10 },
  event: false,
} satisfies Omit<Sound, 'name'>;

/** What people hang on the wall to be woken by is listened for unless it is false. */
const ALARM = { ...RULE, holdSeconds: 30, event: true };
const USUAL = { smoke_alarm: true, co_alarm: true };

/** Sounds that are known by their id; thresholds are of bathnet-mini (models/README.md). */
export const KNOWN_SOUNDS: Readonly<Record<string, Sound>> = {
  smoke_alarm: {
    ...{ ...ALARM, name: 'Smoke alarm', classes: ['Smoke detector, smoke alarm', 'Fire alarm'] },
    ...{ rhythm: 'T3', threshold: 0.04, hits: 3, withinSeconds: 10 },
  },
  co_alarm: { ...ALARM, name: 'Carbon monoxide alarm', rhythm: 'T4' },
  breaking_glass: { ...RULE, name: 'Breaking glass', classes: ['Shatter', 'Glass'] },
  baby_cry: { ...RULE, name: 'Baby crying', classes: ['Baby cry, infant cry'] },
  dog: { ...RULE, name: 'Dog', classes: ['Dog', 'Bark'] },
  doorbell: { ...RULE, name: 'Doorbell', classes: ['Doorbell', 'Ding-dong'], hits: 1, threshold: 0.1 },
  cough: { ...RULE, name: 'Cough', classes: ['Cough'], hits: 1, threshold: 0.1 },
  snoring: { ...RULE, name: 'Snoring', classes: ['Snoring'], withinSeconds: 15, holdSeconds: 60 },
  running_tap: { ...RULE, name: 'Running tap', classes: ['Water tap, faucet', 'Sink (filling or washing)'] },
};

const known = Object.keys(KNOWN_SOUNDS);
const usual = Object.keys(USUAL);

export const sounds = z
  .record(
    z
      .string()
      .max(40)
      .regex(/^[a-z][a-z0-9_]*$/, 'expected lower-case letters, digits and _ only'),
    z.union([z.boolean(), settings.partial()], {
      error: 'expected true, false, or classes, rhythm, threshold, hits, …',
    }),
  )
  .default({})
  .describe(
    `Sounds that are sensors of their own, by AudioSet's classes or by the rhythm of an alarm (T3: smoke, T4: carbon monoxide): ${usual.join(' and ')}, which are on unless they are false, ${known
      .filter((id) => !usual.includes(id))
      .join(
        ', ',
      )}, or any other id. Each is true, false, or what differs: {name: Fridge, classes: [Buzzer], rhythm: none, threshold: 0.2, hits: 2, withinSeconds: 5, holdSeconds: 10, event: false}. It is ON with so many hits within that time, or with its rhythm, until none comes for holdSeconds; with event, that it begins is an event, too.`,
  );

/**
 * One sound as it is wanted, over what is known of it.
 *
 * @returns undefined where it is not wanted; what zod says of it otherwise
 */
export function wantedSound(id: string, choice: z.infer<typeof sounds>[string]) {
  if (choice === false) return undefined;
  return sound.safeParse({ ...RULE, name: id, ...KNOWN_SOUNDS[id], ...(choice === true ? {} : choice) });
}

/** What is listened for: also what is on unless it is switched off. */
export function wantedSounds(wanted: z.infer<typeof sounds>): (Sound & { readonly id: string })[] {
  return Object.entries({ ...USUAL, ...wanted }).flatMap(([id, choice]) => {
    const data = wantedSound(id, choice)?.data;
    return data ? [{ id, ...data }] : [];
  });
}
