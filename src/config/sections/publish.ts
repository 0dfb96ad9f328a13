import { z } from 'zod';

export const publish = z
  .strictObject({
    smoothingWindows: z
      .int()
      .min(1)
      .max(60)
      .default(3)
      .describe('The published class is the mean of this many windows.'),
    scores: z.boolean().default(false).describe("Publish every window's scores, too (<base>/scores)."),
  })
  .prefault({})
  .describe('What is published.');
