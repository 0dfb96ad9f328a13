import { z } from 'zod';
import { alarm } from './sections/alarm.js';
import { clips } from './sections/clips.js';
import { device } from './sections/device.js';
import { discovery } from './sections/discovery.js';
import { input } from './sections/input.js';
import { log } from './sections/log.js';
import { model } from './sections/model.js';
import { mqtt } from './sections/mqtt.js';
import { notify } from './sections/notify.js';
import { publish } from './sections/publish.js';
import { quietHours } from './sections/quiet-hours.js';
import { sense } from './sections/sense.js';
import { sounds } from './sections/sounds.js';
import { web } from './sections/web.js';
import { window } from './sections/window.js';

/**
 * The configuration: its types, defaults and descriptions. `config/default.yaml` and `config/schema.json`
 * are generated from it, and the names of environment variables follow from its paths.
 */
export const configSchema = z.strictObject({
  device,
  input,
  window,
  model,
  alarm,
  sense,
  quietHours,
  sounds,
  mqtt,
  notify,
  clips,
  publish,
  discovery,
  web,
  log,
  inputs: z
    .array(z.looseObject({}))
    .optional()
    .describe(
      'Several microphones in one process: a list, each with sections of its own – device (an id must be there), input, alarm, sense, sounds, quietHours, notify, clips, web – over those of all.',
    ),
  stateDir: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Folder for what must survive a restart. Default: systemd's $STATE_DIRECTORY, else ~/.local/state/bathnet2mqtt.",
    ),
});

export type Config = z.infer<typeof configSchema>;

/** The schema under its defaults. */
export function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return unwrap(schema.unwrap() as z.ZodType);
  return schema;
}
