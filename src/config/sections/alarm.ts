import { z } from 'zod';
import { SENSITIVITIES } from '../../constants.js';
import { probability, seconds } from '../values.js';

export const alarm = z
  .strictObject({
    labels: z
      .array(z.string().min(1))
      .optional()
      .describe("Classes that alarm. Default: the model's, else abnormal."),
    threshold: probability()
      .optional()
      .describe("A window is a hit from this score on. Default: the model's, else 0.6."),
    minLevelDbfs: z.number().min(-120).max(0).optional().describe('…and above this RMS level. Default: -60.'),
    hits: z
      .int()
      .min(1)
      .max(100)
      .optional()
      .describe("The alarm starts with this many hits… Default: the model's, else 2."),
    window: z
      .int()
      .min(1)
      .max(100)
      .optional()
      .describe("…among this many windows. Default: the model's, else 3."),
    instantThreshold: probability()
      .optional()
      .describe(
        "A single window starts it from this score on; 1 hardly ever. Default: the model's, else 0.95.",
      ),
    sensitivity: z
      .enum(SENSITIVITIES)
      .optional()
      .describe(
        'How much evidence for a fall, breaking glass, a scream or a cry for help adds up to an alarm, of models that tell these kinds of events, as the one that ships does. How many false alarms a day each stands for is said by: bathnet2mqtt models list. Default: what tune has found, else normal.',
      ),
    kinds: z
      .array(z.string().min(1))
      .optional()
      .describe("Kinds of events that alarm; [] for none. Default: all of the model's that can."),
    veto: z
      .boolean()
      .default(true)
      .describe(
        'What is much like an alarm that a person has called false (button False alarm) raises none any more, a scream excepted. Ten such verdicts hide about 0.2 % of real alarms, a hundred many more.',
      ),
    releaseSeconds: seconds()
      .optional()
      .describe('It ends after this long without a hit or enough evidence. Default: 5.'),
    cooldownSeconds: seconds()
      .optional()
      .describe(
        'For this long after its end no other starts, but one of another kind where it was acknowledged. Default: 10.',
      ),
  })
  .prefault({})
  .describe('When the alarm starts and ends.');
