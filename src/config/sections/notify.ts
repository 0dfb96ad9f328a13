import { z } from 'zod';
import { seconds } from '../values.js';

/** Of what is told beside the beginning of an alarm. */
const ALSO = [
  'escalation',
  'end',
  'acknowledged',
  'long_stay',
  'water',
  'sound',
  'deaf',
  'problem',
  'test',
] as const;

const address = () =>
  z
    .string()
    .max(2000)
    .refine((text) => /^https?:\/\/[^/?#\s]/.test(text) && URL.canParse(text), {
      error: 'expected an address such as https://server/path',
    });
/** What can be a part of a header. */
const token = () =>
  z
    .string()
    .max(2000)
    .regex(/^[\x21-\x7e]+$/, 'expected a token: one word, of ASCII alone');
const file = () => z.string().min(1).optional();

export const notify = z
  .strictObject({
    also: z
      .array(z.enum(ALSO))
      .default(['escalation', 'long_stay', 'sound', 'deaf', 'test'])
      .describe(
        `What is told beside the beginning of each alarm, of ${ALSO.join(', ')}. sound: a sound beside the alarm that is an event, as the smoke and the carbon monoxide alarm are; deaf: for two minutes nothing can be heard, or not all of it, because the machine is too slow or the daemon ends again and again; problem: anything else that health names but notify_failed.`,
      ),
    command: z
      .array(z.string())
      .min(1)
      .optional()
      .describe(
        'A program and its arguments, run with the event as JSON on stdin: ["/usr/local/bin/siren", "--loud"]. No shell is in between, and what it leaves running is ended with it.',
      ),
    commandSeconds: seconds(1)
      .max(600)
      .default(30)
      .describe('What it and all that it has started may take before they are ended.'),
    webhookUrl: address().optional().describe('The event is posted there, as JSON: https://server/path.'),
    webhookUrlFile: file().describe('File that holds this address, where who knows it may post.'),
    webhookToken: token()
      .optional()
      .describe('Goes with it, as "Authorization: Bearer …"; better kept in a file.'),
    webhookTokenFile: file().describe('File that holds the token.'),
    ntfyUrl: address()
      .optional()
      .describe('Server and topic of ntfy, which shows it on phones: https://ntfy.sh/topic.'),
    ntfyUrlFile: file().describe('File that holds them: on a public server the topic is a password.'),
    ntfyToken: token().optional().describe('Access token of ntfy; better kept in a file.'),
    ntfyTokenFile: file().describe('File that holds the token.'),
    clickUrl: address()
      .optional()
      .describe(
        'What a tap on the notification of ntfy opens. Default: the page, where web is on and others reach it (web.url, or web.host).',
      ),
    caFile: file().describe("TLS of webhook and ntfy: another certificate authority beside Mozilla's, PEM."),
  })
  .prefault({})
  .describe('Who is told without Home Assistant: nobody, until one of command, webhook and ntfy is set.');
