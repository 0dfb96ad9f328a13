import { z } from 'zod';

export const log = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error'])
      .default('info')
      .describe('Least severity that is logged.'),
    pretty: z
      .boolean()
      .optional()
      .describe('Lines for people instead of JSON. Default: on a terminal. Logs go to stderr.'),
  })
  .prefault({})
  .describe('Logging.');
