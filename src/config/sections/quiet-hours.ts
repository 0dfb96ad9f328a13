import { z } from 'zod';
import { probability, timeOfDay } from '../values.js';

export const quietHours = z
  .strictObject({
    from: timeOfDay().describe('Begin, local time: "22:00".'),
    to: timeOfDay().describe('End, local time; may be on the next day: "07:00".'),
    threshold: probability().describe(
      'Score from which on a window is a hit in these hours; evidence must be stronger by as many log-odds.',
    ),
  })
  .optional()
  .describe('Hours in which only a higher score raises the alarm; all three keys, or none.');
