import { z } from 'zod';

export const web = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe(
        'Answer over HTTP: the page, metrics, /healthz, and the API with live stream and history (docs/http.md).',
      ),
    host: z
      .union([z.ipv4(), z.ipv6(), z.literal('localhost')])
      .default('127.0.0.1')
      .describe(
        'Address to listen on; 127.0.0.1: this machine alone, 0.0.0.0: all. Beyond this machine a password is needed.',
      ),
    port: z.int().min(0).max(65_535).default(8099).describe('Port to listen on; 0: any that is free.'),
    url: z
      .url({ protocol: /^https?$/, error: 'expected an address such as http://bathroom.local:8099/' })
      .max(1000)
      .optional()
      .describe(
        "Where people reach the page: Home Assistant's page of the device and notifications of ntfy link to it. Default: made of host and port, where host is one address that others reach.",
      ),
    password: z
      .string()
      .min(8)
      .max(1000)
      .optional()
      .describe('Password of the API, 8 characters or more; better kept in a file.'),
    passwordFile: z.string().min(1).optional().describe('File that holds the password of the API.'),
    trustedProxy: z
      .union([z.ipv4(), z.ipv6()])
      .optional()
      .describe(
        "Address of a proxy that has asked for a password already, such as Home Assistant's ingress (172.30.32.2).",
      ),
  })
  .prefault({})
  .describe('HTTP: the page, and what monitoring asks. Sound never leaves over it.');
