import { z } from 'zod';

/** What is said of one alarm, however often it is repeated. */
export const MOST_EVENTS = 50;

/** Names a file: whoever may publish at the broker can tell of an alarm that an earlier run is to have left on. */
export const entryId = z.string().regex(/^[\w-]{1,64}$/);

export const entrySchema = z.strictObject({
  /** Of the alarm's episode, or of the event where it belongs to none. */
  id: entryId,
  /** Messages as MQTT has them, in the order in which they happened. */
  events: z.array(z.record(z.string(), z.json())).min(1).max(MOST_EVENTS),
  /** Log-mel of the 3 s before it, 8 bits, 96 frames of 64 bands, in base64; left out where there is no sound to it. */
  spectrogram: z.base64().optional(),
  /** What a person has said of it. */
  verdict: z.string().optional(),
});

/** An alarm with all that followed, a fault, or another event. */
export type HistoryEntry = z.infer<typeof entrySchema>;
