import { z } from 'zod';
import { BIRTH_TOPIC } from '../../constants.js';

export const discovery = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Announce the device to Home Assistant; off takes it back.'),
    mode: z
      .enum(['device', 'component'])
      .default('device')
      .describe(
        'device: one message for all (Home Assistant 2024.11 or newer); component: one for each entity, for older ones.',
      ),
    prefix: z
      .string()
      .max(200)
      .regex(/^[^+#\s/]+$/, 'expected a word without /, wildcards and spaces')
      .default('homeassistant')
      .describe("Home Assistant's discovery prefix."),
    birthTopic: z
      .string()
      .max(200)
      .regex(/^[^+#\s]+$/, 'expected a topic without wildcards and spaces')
      .default(BIRTH_TOPIC)
      .describe(
        "Topic of Home Assistant's birth message, which does not follow its discovery prefix: MQTT → Configure → options.",
      ),
  })
  .prefault({})
  .describe('Home Assistant.');
