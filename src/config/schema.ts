import { z } from 'zod';
import { SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../constants.js';

const WINDOW_SECONDS = WINDOW_SAMPLES / SAMPLE_RATE_HZ;
/** Up to a day. */
const seconds = (min = 0) => z.number().min(min).max(86_400);
const probability = () => z.number().min(0).max(1);
const timeOfDay = () =>
  z.string().regex(/^([01]?\d|2[0-3]):[0-5]\d$/, 'expected a time of day such as "22:00"');
const idPattern = /^[a-z0-9_-]+$/;

/**
 * The configuration: its types, defaults and descriptions. `config/default.yaml` and `config/schema.json`
 * are generated from it, and the names of environment variables follow from its paths.
 */
export const configSchema = z.strictObject({
  device: z
    .strictObject({
      id: z
        .string()
        .max(64)
        .regex(idPattern, 'expected lower-case letters, digits, _ and - only')
        .optional()
        .describe(
          'Names this daemon in topics and in Home Assistant. Default: made from the machine id, kept in stateDir.',
        ),
      name: z
        .string()
        .min(1)
        .max(200)
        .default('Bathroom sound')
        .describe('What Home Assistant calls the device.'),
    })
    .prefault({})
    .describe('Who this daemon is.'),
  input: z
    .strictObject({
      source: z
        .enum(['portaudio', 'command', 'file', 'stdin'])
        .default('portaudio')
        .describe(
          'Where sound comes from: a microphone (portaudio), a program that writes raw PCM (command), an audio file, or raw PCM on stdin.',
        ),
      device: z
        .string()
        .min(1)
        .default('default')
        .describe(
          'portaudio: name or part of it, card id (hw:1), or index. See: bathnet2mqtt devices. Prefer a name: numbers change between boots.',
        ),
      command: z
        .string()
        .min(1)
        .optional()
        .describe(
          'command: for example arecord -q -t raw -f S16_LE -r 16000 -c 1, or ffmpeg -i rtsp://… -f s16le -ar 16000 -ac 1 -',
        ),
      file: z.string().min(1).optional().describe('file: a WAV, FLAC, OGG or MP3 file.'),
      loop: z.boolean().default(false).describe('file: start again at its end, for ever.'),
      speed: z
        .number()
        .positive()
        .max(1000)
        .default(1)
        .describe('file: 1 plays in real time, 10 ten times as fast.'),
      format: z
        .enum(['s16le', 's24le', 's32le', 'f32le', 'u8'])
        .default('s16le')
        .describe('command and stdin: sample format of the raw PCM.'),
      sampleRateHz: z
        .int()
        .min(4000)
        .max(192_000)
        .default(SAMPLE_RATE_HZ)
        .describe('command and stdin: sample rate of the raw PCM; brought to 16 kHz where it differs.'),
      channels: z
        .int()
        .min(1)
        .max(32)
        .default(1)
        .describe('command and stdin: channels of the raw PCM; mixed to one.'),
      noDataTimeoutSeconds: seconds(0.5)
        .default(5)
        .describe('Without sound for this long the input is offline and is opened again.'),
      reopenMaxSeconds: seconds(0.5)
        .default(30)
        .describe('Longest pause between attempts to open the input again.'),
    })
    .prefault({})
    .describe('Where sound comes from.'),
  window: z
    .strictObject({
      hopSeconds: z
        .number()
        .min(0.1)
        .max(WINDOW_SECONDS)
        .default(0.48)
        .describe('From one analysis window (0.96 s) to the next: 0.48 overlaps by half, 0.96 not at all.'),
    })
    .prefault({})
    .describe('How the sound is cut for analysis.'),
  model: z
    .strictObject({
      name: z
        .string()
        .min(1)
        .default('bathnet-mini')
        .describe('A model bundle: a name (see: bathnet2mqtt models list) or the path of its folder.'),
      head: z
        .string()
        .min(1)
        .optional()
        .describe("The model's head that decides. Default: the model's own default."),
      engine: z
        .enum(['auto', 'tfjs-wasm', 'tfjs-node'])
        .default('auto')
        .describe('What runs the network: auto takes tfjs-node where it is installed, else tfjs-wasm.'),
    })
    .prefault({})
    .describe('What listens.'),
  alarm: z
    .strictObject({
      labels: z
        .array(z.string().min(1))
        .optional()
        .describe("Classes that alarm. Default: the model's, else abnormal."),
      threshold: probability()
        .optional()
        .describe("A window is a hit from this score on. Default: the model's, else 0.6."),
      minLevelDbfs: z
        .number()
        .min(-120)
        .max(0)
        .optional()
        .describe('…and above this RMS level. Default: -60.'),
      hits: z
        .int()
        .min(1)
        .max(100)
        .optional()
        .describe("The alarm starts with this many hits… Default: the model's, else 2."),
      window: z
        .int()
        .min(1)
        .max(100)
        .optional()
        .describe("…among this many windows. Default: the model's, else 3."),
      instantThreshold: probability()
        .optional()
        .describe(
          "A single window starts it from this score on; 1 hardly ever. Default: the model's, else 0.95.",
        ),
      releaseSeconds: seconds().optional().describe('It ends after this long without a hit. Default: 5.'),
      cooldownSeconds: seconds()
        .optional()
        .describe('For this long after its end no other starts. Default: 10.'),
    })
    .prefault({})
    .describe('When the alarm starts and ends.'),
  sense: z
    .strictObject({
      waterLabels: z
        .array(z.string().min(1))
        .default(['water'])
        .describe('Classes of running water; those that the model lacks do not matter.'),
      speechLabels: z
        .array(z.string().min(1))
        .default(['speech'])
        .describe('Classes of speech; those that the model lacks do not matter.'),
      waterThreshold: probability()
        .optional()
        .describe(
          'While water runs, a window is a hit only from this score on. Fewer false alarms from bottles in the shower, and fewer of the falls there that all this is for. Default: off.',
        ),
      waterMinutes: z
        .number()
        .min(0)
        .default(30)
        .describe('Water that runs for longer is an event, once; pauses of up to a minute count. 0: never.'),
      thumpSilenceSeconds: seconds()
        .default(0)
        .describe(
          'An impact, even a single window, raises the alarm, too, when nothing moves and nobody speaks for so long after it: 20, for example. It takes a dropped thing in a room that is then left for a fall, and hears nothing in the shower. 0: off.',
        ),
      thumpThreshold: probability()
        .default(0.4)
        .describe(
          'Score of an impact: that of an alarm class, or of an AudioSet class such as "Thump, thud".',
        ),
      escalateSeconds: seconds()
        .max(86_400)
        .default(120)
        .describe('An alarm that nobody acknowledges is repeated after this long. 0: never.'),
      escalateTimes: z
        .int()
        .min(1)
        .max(100)
        .default(3)
        .describe('…again and again, but at most so many times.'),
    })
    .prefault({})
    .describe('What a bathroom is about: water, falls that nobody hears, alarms that nobody answers.'),
  quietHours: z
    .strictObject({
      from: timeOfDay().describe('Begin, local time: "22:00".'),
      to: timeOfDay().describe('End, local time; may be on the next day: "07:00".'),
      threshold: probability().describe('Score from which on a window is a hit in these hours.'),
    })
    .optional()
    .describe('Hours in which only a higher score raises the alarm; all three keys, or none.'),
  mqtt: z
    .strictObject({
      url: z
        .string()
        .regex(
          /^(mqtts?|wss?):\/\/[^/\s]+/,
          'expected an address such as mqtt://broker:1883 or mqtts://broker:8883',
        )
        .default('mqtt://127.0.0.1:1883')
        .describe('The broker: mqtt://host:1883, mqtts://host:8883 (TLS), ws:// or wss://.'),
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
        .regex(/^[^+#\s/]+(\/[^+#\s/]+)*$/, 'expected a topic without wildcards')
        .default('bathnet')
        .describe('Topics begin with <prefix>/<device.id>.'),
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
        .describe('…and none for longer than this. The oldest make room; health says so.'),
    })
    .prefault({})
    .describe('Where messages go.'),
  clips: z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe(
          'Keep a few seconds of sound around each alarm in <stateDir>/clips, readable for the daemon alone. The people in the room have to know and agree.',
        ),
      beforeSeconds: z.number().min(0).max(60).default(5).describe('Sound before the alarm.'),
      afterSeconds: z.number().min(0.5).max(60).default(5).describe('Sound after the alarm.'),
      maxClips: z.int().min(1).max(10_000).default(50).describe('The oldest clips make room for newer ones.'),
      maxDays: z.number().min(0.1).max(3650).default(7).describe('Clips that are older are removed.'),
      speech: z
        .boolean()
        .default(false)
        .describe('Also keep clips in which someone speaks. Without it, one word and the clip is not kept.'),
    })
    .prefault({})
    .describe('Sound of alarms. No sound is ever kept or sent unless this is on.'),
  publish: z
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
    .describe('What is published.'),
  discovery: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe('Announce the device to Home Assistant; off takes it back.'),
      mode: z
        .enum(['device', 'component'])
        .default('device')
        .describe(
          'device: one message for all (Home Assistant 2024.11 or newer); component: one for each entity, for older ones.',
        ),
      prefix: z
        .string()
        .max(200)
        .regex(/^[^+#\s/]+$/, 'expected a topic without wildcards')
        .default('homeassistant')
        .describe("Home Assistant's discovery prefix."),
    })
    .prefault({})
    .describe('Home Assistant.'),
  log: z
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
    .describe('Logging.'),
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
