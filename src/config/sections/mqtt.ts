import { z } from 'zod';

export const mqtt = z
  .strictObject({
    url: z
      .string()
      .regex(
        // No @ behind the host: a / in a password would make a host of the user, and show the rest of it.
        /^(mqtts?|wss?):\/\/[^/?#\s]+([/?#][^@\s]*)?$/,
        'expected an address such as mqtt://broker:1883 or mqtts://broker:8883; in a password write / as %2F, ? as %3F and # as %23',
      )
      .default('mqtt://127.0.0.1:1883')
      .describe('The broker: mqtt://host:1883, mqtts://host:8883 (TLS), ws:// or wss://.'),
    protocol: z
      .enum(['auto', '5', '3.1.1'])
      .default('auto')
      .describe(
        'MQTT version; auto: 5, which says what the broker refuses, and 3.1.1 where it does not know 5.',
      ),
    username: z.string().min(1).max(1000).optional().describe('User at the broker.'),
    password: z
      .string()
      .min(1)
      .max(1000)
      .optional()
      .describe('Password at the broker; better kept in a file.'),
    passwordFile: z.string().min(1).optional().describe('File that holds the password.'),
    caFile: z
      .string()
      .min(1)
      .optional()
      .describe("TLS: certificate authority of the broker, PEM. Default: the system's."),
    certFile: z.string().min(1).optional().describe('TLS: client certificate, PEM.'),
    keyFile: z.string().min(1).optional().describe('TLS: key of the client certificate, PEM.'),
    servername: z
      .string()
      .min(1)
      .optional()
      .describe("TLS: the name in the broker's certificate, where it is not the host of url."),
    rejectUnauthorized: z
      .boolean()
      .default(true)
      .describe('TLS: refuse a broker whose certificate cannot be verified. Leave it on.'),
    prefix: z
      .string()
      .max(200)
      .regex(/^[^+#\s]+$/, 'expected a topic without wildcards and spaces')
      .regex(/^[^/]+(\/[^/]+)*$/, 'expected a topic that neither begins nor ends with /, nor has // in it')
      .default('bathnet')
      .describe('Topics begin with <prefix>/<device.id>.'),
    rollouts: z
      .boolean()
      .default(false)
      .describe(
        'For many devices on one broker: also take settings that are retained at <prefix>/all/<setting>/set. One counts when it is new; what is set at this device afterwards stays.',
      ),
    keepaliveSeconds: z
      .int()
      .min(5)
      .max(3600)
      .default(30)
      .describe('How soon the broker notices that this daemon is gone.'),
    outboxEvents: z
      .int()
      .min(1)
      .max(100_000)
      .default(1000)
      .describe('Events that wait on the disk while the broker is away: at most so many, …'),
    outboxBytes: z.int().min(10_000).max(1_000_000_000).default(10_000_000).describe('…so many bytes, …'),
    outboxDays: z
      .number()
      .min(0.01)
      .max(3650)
      .default(30)
      .describe(
        '…and none for longer than this, though for a day after a start. The oldest make room; health says so.',
      ),
  })
  .prefault({})
  .describe('Where messages go.');
