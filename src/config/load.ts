import { readFileSync } from 'node:fs';
import { parse as parseDotenv } from 'dotenv';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { type Config, configSchema, unwrap } from './schema.js';

export interface ConfigSources {
  /** `--config` */
  readonly file?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Values from the command line by path, `mqtt.url`; undefined ones were not given. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** Where `.env` lies. */
  readonly cwd: string;
}

/** In less, what falls along with somebody has not come to rest. */
const MIN_THUMP_SILENCE_SECONDS = 5;
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
