import { z } from 'zod';
import { DENIALS } from '../problems.js';
import { entrySchema } from '../storage/history-entry.js';

/**
 * What goes over HTTP, in both directions: requests are validated by these, answers are typed by them, and
 * docs/openapi.json is made of them. The page in the browser takes its types from here.
 */

export const commandBody = z
  .strictObject({ value: z.string().max(1000).describe('A text as MQTT would have it.') })
  .describe('A command.');

export const verdictBody = z
  .strictObject({ verdict: z.enum(['false_alarm', 'real_alarm']) })
  .describe('What a person says of an alarm.');

export const sessionBody = z.strictObject({ password: z.string().max(1000) }).describe('Logs in.');

export const problemSchema = z
  .strictObject({
    code: z.enum(DENIALS).describe('Why not; these names stay.'),
    problem: z.string().describe('The same in words for a person, in English.'),
    waitSeconds: z.int().optional().describe('Of `too_many_tries`: until a password is looked at again.'),
  })
  .describe('Why not.');

const deliverySchema = z
  .strictObject({
    connected: z.boolean().describe('Whether there is a broker.'),
    queuedEvents: z.number().describe('Events that it has not taken yet.'),
    droppedEvents: z.number().describe('Events that were lost.'),
  })
  .describe('What becomes of events.');

const unansweredSchema = z
  .strictObject({
    episodeId: z.string(),
    label: z.string(),
    kind: z.string().optional(),
    atMs: z
      .number()
      .optional()
      .describe('When it began, milliseconds since the epoch; left out where nobody knows.'),
  })
  .describe('The latest alarm, which may be of an earlier run, while nobody has acknowledged it.');

export const statusSchema = z
  .strictObject({
    device: z.strictObject({ id: z.string(), name: z.string(), area: z.string().optional() }),
    version: z.string(),
    nowMs: z.number().describe('Wall clock of the device, milliseconds since the epoch.'),
    password: z.boolean().describe('Whether one is asked for.'),
    model: z.strictObject({
      name: z.string(),
      version: z.string(),
      engine: z.string(),
      precision: z.string(),
      labels: z.array(z.string()),
      alarmLabels: z.array(z.string()),
      alarmKinds: z.array(z.string()),
    }),
    hopSeconds: z.number().describe('From window to window.'),
    minLevelDbfs: z.number().describe('Sound that is not louder raises no alarm.'),
    notifies: z.boolean().describe('Whether alarms are also told beside MQTT, by `notify`.'),
    delivery: deliverySchema,
    unanswered: unansweredSchema.nullable(),
    states: z
      .record(z.string(), z.string())
      .describe("What MQTT's topics say, by their name below <prefix>/<device>."),
  })
  .describe('How it is now.');

export const entryWithPictureSchema = entrySchema
  .extend({
    judgeable: z.boolean().describe('Whether it is an alarm of this run: the daemon knows its sound.'),
  })
  .describe('An alarm with all that followed, a fault, or another event.');

export const historySchema = z
  .array(entryWithPictureSchema.omit({ spectrogram: true }))
  .describe('The last 200 alarms and faults, newest first, without pictures.');

const windowSchema = z
  .strictObject({
    at: z.number().describe('Wall clock of its last sample, milliseconds since the epoch.'),
    label: z.string(),
    scores: z.record(z.string(), z.number()),
    audioset: z.array(z.tuple([z.string(), z.number()])).describe('The highest AudioSet scores, best first.'),
    rmsDbfs: z.number(),
    peakDbfs: z.number(),
    floorDbfs: z
      .number()
      .optional()
      .describe('How loud the room is when nothing happens in it; left out where too little is known.'),
    evidence: z
      .record(z.string(), z.tuple([z.number(), z.number()]))
      .describe('For each alarm kind what speaks for it and from which on it alarms, nats.'),
    gap: z.boolean().describe('Sound was lost before it.'),
    vetoed: z.boolean().describe('By a verdict, it does not count.'),
    envelope: z
      .string()
      .describe(
        'Lowest and highest sample of each 10 ms since the last window: signed square roots, int8 pairs in base64.',
      ),
    mel: z
      .string()
      .describe(
        'The newest frames of the log-mel, each of 64 bands, 0…255, in base64; in what is remembered, means of four.',
      ),
  })
  .describe('What is shown of one window.');

export const windowsSchema = z
  .array(windowSchema)
  .describe('The last half minute, oldest first, with a coarse log-mel.');

const stateSchema = z.strictObject({ name: z.string(), payload: z.string() });

export const liveSchema = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('hello'),
      value: statusSchema,
    }),
    z.strictObject({ type: z.literal('window'), value: windowSchema }),
    z.strictObject({ type: z.literal('state'), value: stateSchema }),
    z.strictObject({ type: z.literal('entry'), value: historySchema.element }),
    z.strictObject({ type: z.literal('delivery'), value: deliverySchema }),
    z.strictObject({ type: z.literal('unanswered'), value: unansweredSchema.nullable() }),
  ])
  .describe('What the WebSocket says.');

export type Problem = z.infer<typeof problemSchema>;
export type Status = z.infer<typeof statusSchema>;
export type Delivery = z.infer<typeof deliverySchema>;
export type Unanswered = z.infer<typeof unansweredSchema>;
/** Without its picture. */
export type Entry = z.infer<typeof historySchema>[number];
export type EntryWithPicture = z.infer<typeof entryWithPictureSchema>;
/** What a browser is shown of one window. */
export type LiveWindow = z.infer<typeof windowSchema>;
export type LiveMessage = z.infer<typeof liveSchema>;
export type Verdict = z.infer<typeof verdictBody>['verdict'];
