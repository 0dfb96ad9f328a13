import { z } from 'zod';
import { probability, seconds } from '../values.js';

export const sense = z
  .strictObject({
    waterLabels: z
      .array(z.string().min(1))
      .default(['water'])
      .describe('Classes of running water; those that the model lacks do not matter.'),
    speechLabels: z
      .array(z.string().min(1))
      .default(['speech'])
      .describe('Classes of speech; those that the model lacks do not matter.'),
    waterThreshold: probability()
      .optional()
      .describe(
        'While water runs, a window is a hit only from this score on, and evidence must be stronger by as many log-odds. Fewer false alarms from bottles in the shower, and fewer of the falls there that all this is for. Default: off.',
      ),
    waterMinutes: z
      .number()
      .min(0)
      .default(30)
      .describe('Water that runs for longer is an event, once; pauses of up to a minute count. 0: never.'),
    longStayMinutes: z
      .number()
      .min(0)
      .max(720)
      .default(0)
      .describe(
        'Somebody who has been in the room for so long, the whole time without a sound, is an event, once until something is heard again: 30, for example. That somebody is there a presence sensor must say, over MQTT (<base>/occupied/set). 0: never.',
      ),
    thumpSilenceSeconds: seconds()
      .optional()
      .describe(
        'An impact that is not enough for an alarm raises it, too, when nothing moves and nobody speaks for so long after it: 20, for example. It takes a dropped thing in a room that is then left for a fall, unless a presence sensor says that nobody is there (<base>/occupied/set), and hears little in the shower. What went on before the impact, such as a radio or water, counts as silence, which then takes 2.5 times as long; who goes on calling for 20 s is heard without it. 0: off. Default: what the model says for the sensitivity, which is off where it would be wrong too often.',
      ),
    thumpVoiceSeconds: seconds()
      .max(60)
      .optional()
      .describe(
        'An impact raises the alarm, too, when a voice in distress is heard within so long after it: less evidence of each is enough than of one alone. 0: off. Default: what the model says for the sensitivity.',
      ),
    thumpThreshold: probability()
      .optional()
      .describe(
        'Score of an impact, of models that do not tell kinds of events: that of an alarm class, or of an AudioSet class such as "Thump, thud". Default: 0.4. Of other models alarm.sensitivity decides.',
      ),
    escalateSeconds: seconds()
      .max(86_400)
      .default(120)
      .describe(
        'An alarm that nobody acknowledges is repeated after this long, and when Home Assistant comes (back) within an hour. 0: never.',
      ),
    escalateTimes: z
      .int()
      .min(1)
      .max(100)
      .default(3)
      .describe('…again and again, but at most so many times.'),
  })
  .prefault({})
  .describe('What a bathroom is about: water, falls that nobody hears, alarms that nobody answers.');
