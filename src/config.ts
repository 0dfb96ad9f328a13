import { readFileSync } from 'node:fs';
import { parse as parseDotenv } from 'dotenv';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { SAMPLE_RATE_HZ, WINDOW_SAMPLES } from './constants.js';
import { ExitCode, messageOf, UserError } from './errors.js';

const WINDOW_SECONDS = WINDOW_SAMPLES / SAMPLE_RATE_HZ;
const seconds = (min = 0) => z.number().min(min);
/** In less, what falls along with somebody has not come to rest. */
const MIN_THUMP_SILENCE_SECONDS = 5;
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
        .regex(idPattern, 'expected lower-case letters, digits, _ and - only')
        .optional()
        .describe(
          'Names this daemon in topics and in Home Assistant. Default: made from the machine id, kept in stateDir.',
        ),
      name: z.string().min(1).default('Bathroom sound').describe('What Home Assistant calls the device.'),
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
      username: z.string().min(1).optional().describe('User at the broker.'),
      password: z.string().min(1).optional().describe('Password at the broker; better kept in a file.'),
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

export interface ConfigSources {
  /** `--config` */
  readonly file?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Values from the command line by path, `mqtt.url`; undefined ones were not given. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** Where `.env` lies. */
  readonly cwd: string;
}

const SYSTEM_FILE = '/etc/bathnet2mqtt/config.yaml';
const ENV_PREFIX = 'BATHNET_';
const SECRETS = new Set(['mqtt.password']);

/**
 * Reads the configuration: file, then `.env` and environment, then flags; later ones win.
 *
 * @throws UserError (configuration) that lists every problem: path, what was expected, what was found
 */
export function loadConfig({ file, env, flags, cwd }: ConfigSources): Config {
  const values: Tree = readConfigFile(file ?? env.BATHNET_CONFIG);
  const origins = new Map<string, string>();
  for (const [name, text] of Object.entries({ ...readDotenv(cwd), ...env })) {
    if (!name.startsWith(ENV_PREFIX) || name === 'BATHNET_CONFIG' || text === undefined || text === '')
      continue;
    const path = pathOfEnv(name);
    origins.set(path, name);
    setPath(values, path, fromText(path, text));
  }
  for (const [path, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    origins.set(path, 'the command line');
    setPath(values, path, typeof value === 'string' ? fromText(path, value) : value);
  }
  const result = configSchema.safeParse(values);
  const problems = result.success
    ? contradictions(result.data)
    : result.error.issues.flatMap((issue) => describe(issue, values));
  if (problems.length > 0)
    throw new UserError(
      ExitCode.config,
      `the configuration is not valid:\n${problems
        .map(
          ({ path, text }) => `  ${path}: ${text}${origins.has(path) ? ` (from ${origins.get(path)})` : ''}`,
        )
        .join('\n')}`,
      'Mend the lines named above; config/default.yaml explains every key.',
    );
  return withPassword(result.data as Config);
}

/** `mqtt.passwordFile` → `BATHNET_MQTT__PASSWORD_FILE` */
export function envName(path: string): string {
  const snake = (part: string) => part.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  return ENV_PREFIX + path.split('.').map(snake).join('__');
}

interface Tree {
  [key: string]: unknown;
}

interface Problem {
  readonly path: string;
  readonly text: string;
}

function readConfigFile(named: string | undefined): Tree {
  const path = named ?? SYSTEM_FILE;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (named === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new UserError(
      ExitCode.config,
      `the configuration file ${path} cannot be read: ${messageOf(error)}`,
      'Name a file that exists (--config, $BATHNET_CONFIG); config/default.yaml is one to start from.',
      { cause: error },
    );
  }
  let parsed: unknown;
  try {
    parsed = parseYaml(text);
  } catch (error) {
    throw new UserError(
      ExitCode.config,
      `${path} is not YAML: ${messageOf(error)}`,
      'Mend the line named above.',
      {
        cause: error,
      },
    );
  }
  if (parsed === null || parsed === undefined) return {}; // nothing but comments
  if (!isTree(parsed))
    throw new UserError(
      ExitCode.config,
      `${path}: expected sections such as "mqtt:", found ${show(parsed)}`,
      'See config/default.yaml.',
    );
  // A section whose keys are all commented out is null in YAML: it is empty, not wrong.
  return Object.fromEntries(Object.entries(parsed).map(([key, value]) => [key, value ?? undefined]));
}

function readDotenv(cwd: string): Record<string, string> {
  try {
    return parseDotenv(readFileSync(`${cwd}/.env`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new UserError(
      ExitCode.config,
      `.env cannot be read: ${messageOf(error)}`,
      'Make it readable or remove it.',
    );
  }
}

/** The reverse of `envName`. */
function pathOfEnv(name: string): string {
  const camel = (part: string) =>
    part.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return name.slice(ENV_PREFIX.length).split('__').map(camel).join('.');
}

/** Text from the environment or a flag as the type that the schema has at that path; else as it is. */
function fromText(path: string, text: string): unknown {
  let schema: z.ZodType | undefined = configSchema;
  for (const key of path.split('.')) {
    const inner: z.ZodType | undefined = schema && unwrap(schema);
    schema = inner instanceof z.ZodObject ? (inner.shape as Record<string, z.ZodType>)[key] : undefined;
  }
  const leaf = schema && unwrap(schema);
  if (leaf instanceof z.ZodNumber)
    return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
  if (leaf instanceof z.ZodBoolean) {
    if (/^(true|yes|on|1)$/i.test(text)) return true;
    return /^(false|no|off|0)$/i.test(text) ? false : text;
  }
  if (leaf instanceof z.ZodArray) return text.split(',').map((part) => part.trim());
  return text;
}

/** The schema under its defaults. */
export function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return unwrap(schema.unwrap() as z.ZodType);
  return schema;
}

function setPath(tree: Tree, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() as string;
  let node = tree;
  for (const key of keys) {
    if (!isTree(node[key])) node[key] = {};
    node = node[key] as Tree;
  }
  node[last] = value;
}

/** One issue of zod in words, with what was found there. */
function describe(issue: z.core.$ZodIssue, values: Tree): Problem[] {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      path: path === '' ? key : `${path}.${key}`,
      text: `unknown key; expected one of ${keysAt(issue.path).join(', ')}`,
    }));
  const found = issue.path.reduce<unknown>(
    (node, key) => (isTree(node) ? node[String(key)] : undefined),
    values,
  );
  const expected = issue.message.replace(/^.*?expected /, 'expected ').replace(/, received .*$/, '');
  return [{ path, text: `${expected}, found ${SECRETS.has(path) ? 'something else' : show(found)}` }];
}

function keysAt(path: readonly PropertyKey[]): string[] {
  const section = path.reduce<z.ZodType | undefined>((schema, key) => {
    const inner = schema && unwrap(schema);
    return inner instanceof z.ZodObject ? (inner.shape as Record<string, z.ZodType>)[String(key)] : undefined;
  }, configSchema);
  const inner = section && unwrap(section);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value).replace(/\/\/[^/@"]*@/, '//***@'); // no password of an address
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Combinations that cannot work, each found before anything starts. */
function contradictions({ input, alarm, sense, quietHours, mqtt }: Config): Problem[] {
  const problems: Problem[] = [];
  const demand = (holds: boolean, path: string, text: string) => {
    if (!holds) problems.push({ path, text });
  };
  const tls = /^(mqtts|wss):/.test(mqtt.url);
  demand(
    input.source !== 'file' || !!input.file,
    'input.file',
    'expected a file, because input.source is file; found nothing',
  );
  demand(
    input.source !== 'command' || !!input.command,
    'input.command',
    'expected a command, because input.source is command; found nothing',
  );
  demand(
    (alarm.hits ?? 1) <= (alarm.window ?? 100),
    'alarm.hits',
    `expected at most alarm.window (${alarm.window}), found ${alarm.hits}`,
  );
  demand(
    (alarm.threshold ?? 0) <= (alarm.instantThreshold ?? 1),
    'alarm.instantThreshold',
    `expected at least alarm.threshold (${alarm.threshold}), found ${alarm.instantThreshold}`,
  );
  demand(
    (alarm.threshold ?? 0) <= (sense.waterThreshold ?? 1),
    'sense.waterThreshold',
    `expected at least alarm.threshold (${alarm.threshold}), found ${sense.waterThreshold}`,
  );
  demand(
    sense.waterThreshold === undefined || sense.waterLabels.length > 0,
    'sense.waterLabels',
    'expected a class, because there is sense.waterThreshold; found nothing',
  );
  demand(
    sense.thumpSilenceSeconds === 0 || sense.thumpSilenceSeconds >= MIN_THUMP_SILENCE_SECONDS,
    'sense.thumpSilenceSeconds',
    `expected 0 or at least ${MIN_THUMP_SILENCE_SECONDS}, found ${sense.thumpSilenceSeconds}`,
  );
  demand(
    (alarm.threshold ?? 0) <= (quietHours?.threshold ?? 1),
    'quietHours.threshold',
    `expected at least alarm.threshold (${alarm.threshold}), found ${quietHours?.threshold}`,
  );
  demand(
    !quietHours || quietHours.from !== quietHours.to,
    'quietHours.to',
    `expected another time than quietHours.from, found ${quietHours?.to}`,
  );
  demand(
    !mqtt.password || !mqtt.passwordFile,
    'mqtt.passwordFile',
    'expected only one of password and passwordFile, found both',
  );
  demand(
    !(mqtt.password || mqtt.passwordFile) || !!mqtt.username,
    'mqtt.username',
    'expected a user, because there is a password; found nothing',
  );
  demand(
    !mqtt.certFile === !mqtt.keyFile,
    mqtt.certFile ? 'mqtt.keyFile' : 'mqtt.certFile',
    'expected certFile and keyFile together, found one',
  );
  for (const key of ['caFile', 'certFile', 'keyFile', 'servername'] as const)
    demand(
      tls || !mqtt[key],
      `mqtt.${key}`,
      'expected an address of mqtts:// or wss:// with it, found one without TLS',
    );
  return problems;
}

function withPassword(config: Config): Config {
  const { passwordFile, ...mqtt } = config.mqtt;
  if (!passwordFile) return config;
  try {
    return {
      ...config,
      mqtt: { ...mqtt, password: readFileSync(passwordFile, 'utf8').replace(/\r?\n$/, '') },
    };
  } catch (error) {
    throw new UserError(
      ExitCode.config,
      `mqtt.passwordFile: ${passwordFile} cannot be read: ${messageOf(error)}`,
      'Make the file readable for the user this runs as.',
      { cause: error },
    );
  }
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
