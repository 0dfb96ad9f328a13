import { z } from 'zod';

export const clips = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe(
        'Keep a few seconds of sound around each alarm in <stateDir>/devices/<id>/clips, readable for the daemon alone. The people in the room have to know and agree.',
      ),
    beforeSeconds: z.number().min(0).max(60).default(5).describe('Sound before the alarm.'),
    afterSeconds: z.number().min(0.5).max(60).default(5).describe('Sound after the alarm.'),
    maxClips: z.int().min(1).max(10_000).default(50).describe('The oldest clips make room for newer ones.'),
    maxDays: z.number().min(0.1).max(3650).default(7).describe('Clips that are older are removed.'),
    speech: z
      .boolean()
      .default(false)
      .describe('Also keep clips in which someone speaks. Without it, one word and the clip is not kept.'),
  })
  .prefault({})
  .describe('Sound of alarms. No sound is ever kept or sent unless this is on.');
