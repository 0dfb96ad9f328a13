import { z } from 'zod';

export const device = z
  .strictObject({
    id: z
      .string()
      .max(64)
      .regex(/^[a-z0-9_-]+$/, 'expected lower-case letters, digits, _ and - only')
      .refine((id) => id !== 'all', 'expected another name: what is told to "all" is told to every device')
      .optional()
      .describe(
        'Names this daemon in topics and in Home Assistant. Default: made from the machine id, kept in stateDir. Two daemons on one host need one each.',
      ),
    name: z
      .string()
      .min(1)
      .max(200)
      .default('Bathroom sound')
      .describe('What Home Assistant calls the device.'),
    area: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('The area into which Home Assistant puts the device when it first sees it: "Bathroom".'),
  })
  .prefault({})
  .describe('Who this daemon is.');
