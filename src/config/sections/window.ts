import { z } from 'zod';
import { WINDOW_SECONDS } from '../../constants.js';

export const window = z
  .strictObject({
    hopSeconds: z
      .number()
      .min(0.1)
      .max(WINDOW_SECONDS)
      .default(0.48)
      .describe('From one analysis window (0.96 s) to the next: 0.48 overlaps by half, 0.96 not at all.'),
  })
  .prefault({})
  .describe('How the sound is cut for analysis.');
