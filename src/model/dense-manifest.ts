import { z } from 'zod';

/** Layers that a bundle describes, in the order of computing. */
export const denseLayers = z
  .array(
    z.strictObject({
      units: z.int().positive().max(4096),
      activation: z.enum(['linear', 'relu', 'softmax', 'sigmoid']),
    }),
  )
  .min(1);

export type DenseLayers = z.infer<typeof denseLayers>;
