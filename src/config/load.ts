import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { parse as parseDotenv } from 'dotenv';
import { Lexer, Parser, parseDocument } from 'yaml';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { contradictions } from './contradictions.js';
import { ENV_PREFIX, fromText, pathOfEnv } from './env.js';
import { type InputValues, valuesOfInputs } from './inputs.js';
import { describe, type Problem, show } from './problems.js';
import { type Config, configSchema } from './schema.js';
import { withSecrets } from './secrets.js';
import { isTree, over, setPath, type Tree } from './tree.js';

export interface ConfigSources {
  /** `--config` */
  readonly file?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Values from the command line by path, `mqtt.url`; undefined ones were not given. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** Where `.env` lies. */
  readonly cwd: string;
  /** Nothing counts but the flags and a file that is named: what this machine is configured for is not meant. */
  readonly alone?: boolean;
}

/** Ten times the default one with all its comments: aliases make the reader slow. */
const MAX_CHARACTERS = 100_000;
/** Ten times as deep as a configuration is: the reader calls itself for each level, and too many end the process. */
const MAX_DEPTH = 30;
/** Zod else compiles code for each section first, which takes longer than to look at it once. */
const ONCE = { jitless: true };
const SYSTEM_FILE = '/etc/bathnet2mqtt/config.yaml';
/** In the environment: which files to read, of which none is a key. The defaults are an image's, for example. */
const FILES = ['BATHNET_CONFIG', 'BATHNET_DEFAULTS'];

/**
 * Reads the configuration: defaults, file, then `.env` and environment, then flags; later ones win. A flag also goes
 * over what a microphone has of its own, but for who it is: whoever names a source must not hear another one.
 *
 * @returns of several microphones the first one's
 * @throws UserError (configuration) that lists every problem: path, what was expected, what was found; (no input) of a
 *   file that cannot be read now, which may be there later
 */
export function loadConfig(sources: ConfigSources): Config {
  return loadConfigs(sources)[0];
}

/**
 * The same, of each microphone: one for each entry of `inputs`, or one.
 *
 * @throws as loadConfig does
 */
export function loadConfigs(sources: ConfigSources): readonly [Config, ...Config[]] {
  const { values, origins, flags } = gather(sources);
  const { inputs, ...common } = values;
  if (inputs === undefined) return [configOf({ values: common, own: new Set() }, '', origins)];
  const { problems, all } = valuesOfInputs(common, inputs, flags);
  if (problems.length > 0) throw invalid(problems, origins);
  const configs = all.map((each, i) => {
    const config = configOf(each, `inputs.${i}.`, origins);
    const { web } = config;
    // One port answers for one microphone: where it says none of its own, the next.
    const next = portOf(each.values) === portOf(common) && web.port > 0 ? web.port + i : web.port;
    return { ...config, web: { ...web, port: next } };
  });
  return configs as [Config, ...Config[]];
}

const portOf = ({ web }: Tree) => (isTree(web) ? web.port : undefined);

/** @param path of what is a microphone's own */
function configOf({ values, own }: InputValues, path: string, origins: ReadonlyMap<string, string>): Config {
  const result = configSchema.safeParse(values, ONCE);
  const problems = result.success
    ? contradictions(result.data)
    : result.error.issues.flatMap((issue) => describe(issue, values));
  const isOwn = (problem: Problem) => own.has(problem.path.split('.')[0] as string);
  const placed = problems.map((each) => (isOwn(each) ? { ...each, path: `${path}${each.path}` } : each));
  if (placed.length > 0) throw invalid(placed, origins);
  return withSecrets(result.data as Config);
}

function invalid(problems: readonly Problem[], origins: ReadonlyMap<string, string>): UserError {
  const lines = problems.map(({ path, text }) => {
    const origin = originOf(path, origins);
    return `  ${path}: ${text}${origin === undefined ? '' : ` (from ${origin})`}`;
  });
  return new UserError(
    ExitCode.config,
    `the configuration is not valid:\n${lines.join('\n')}`,
    'Mend the lines named above; config/default.yaml explains every key.',
  );
}

/** Of an entry of a list or a key of a section, where that was said as a whole. */
function originOf(path: string, origins: ReadonlyMap<string, string>): string | undefined {
  const above = path.lastIndexOf('.');
  return origins.get(path) ?? (above < 0 ? undefined : originOf(path.slice(0, above), origins));
}

/** All that is said, before anything of it is checked, and where it was said if not in the file. */
function gather({ file, env, flags, cwd, alone = false }: ConfigSources) {
  const { BATHNET_CONFIG, BATHNET_DEFAULTS } = env;
  const defaults = alone || !BATHNET_DEFAULTS ? {} : readConfigFile(BATHNET_DEFAULTS);
  const values = over(defaults, alone && file === undefined ? {} : readConfigFile(file ?? BATHNET_CONFIG));
  const origins = new Map<string, string>();
  for (const [name, text] of Object.entries(alone ? {} : { ...readDotenv(cwd), ...env })) {
    if (!name.startsWith(ENV_PREFIX) || FILES.includes(name) || text === undefined || text === '') continue;
    const path = pathOfEnv(name);
    origins.set(path, name);
    setPath(values, path, fromText(path, text));
  }
  const given = Object.entries(flags)
    .filter(([, value]) => value !== undefined)
    .map(([path, value]) => [path, typeof value === 'string' ? fromText(path, value) : value] as const);
  for (const [path, value] of given) {
    origins.set(path, 'the command line');
    setPath(values, path, value);
  }
  return { values, origins, flags: given };
}

function readConfigFile(named: string | undefined): Tree {
  const path = named ?? SYSTEM_FILE;
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (named === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new UserError(
      ExitCode.noInput,
      `the configuration file ${path} cannot be read: ${messageOf(error)}`,
      'Name a file that exists (--config, $BATHNET_CONFIG); config/default.yaml is one to start from.',
      { cause: error },
    );
  }
  const parsed = parseYaml(bytes, path);
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

function parseYaml(bytes: Buffer, path: string): unknown {
  const refused = (what: string, hint: string, options?: ErrorOptions) =>
    new UserError(ExitCode.config, `${path} ${what}`, hint, options);
  // Else a name with an ü in it would be another one, and UTF-16 one word of nonsense.
  if (!isUtf8(bytes)) throw refused('is not UTF-8', 'Save it as UTF-8.');
  const text = bytes.toString('utf8');
  if (text.length > MAX_CHARACTERS)
    throw refused(
      `has ${text.length} characters, ${MAX_CHARACTERS} are the limit`,
      'Name a configuration; config/default.yaml is one to start from.',
    );
  try {
    if (isDeep(text)) throw new Error(`more than ${MAX_DEPTH} levels`);
    const document = parseDocument(text, { stringKeys: true });
    // A warning, too, says that something is taken for what it does not say: a tag such as !secret for its bare text.
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw problem;
    const value: unknown = document.toJS();
    JSON.stringify(value, refuseOdd); // fails where an alias holds itself, too
    return value;
  } catch (error) {
    // Its first line alone: the others show the file, and a password may be in it.
    const [what] = messageOf(error).split('\n');
    throw refused(`is not YAML: ${what?.replace(/:$/, '')}`, 'Mend the line named above.', { cause: error });
  }
}

/** What is open is a list here, not calls within calls. */
function isDeep(text: string): boolean {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme)); // what is closed
    if (parser.stack.length > MAX_DEPTH) return true;
  }
  return false;
}

/** Tags such as !!set make what no schema looks into. */
function refuseOdd(this: Tree, key: string, value: unknown): unknown {
  const own = this[key];
  if (isTree(own) && Object.getPrototypeOf(own) !== Object.prototype)
    throw new Error(`"${key}" is neither a value nor a list nor a section`);
  return value;
}

function readDotenv(cwd: string): Record<string, string> {
  try {
    return parseDotenv(readFileSync(`${cwd}/.env`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new UserError(
      ExitCode.noInput,
      `.env cannot be read: ${messageOf(error)}`,
      'Make it readable or remove it.',
    );
  }
}
