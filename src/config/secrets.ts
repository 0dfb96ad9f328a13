import { readFileSync } from 'node:fs';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { type Config, configSchema } from './schema.js';

/** What is kept in files rather than in the configuration, section by section; `<key>File` names the file. */
export const IN_FILES = {
  mqtt: ['password'],
  web: ['password'],
  notify: ['webhookUrl', 'webhookToken', 'ntfyUrl', 'ntfyToken'],
} as const satisfies { readonly [Section in keyof Config]?: readonly string[] };

type SectionWithSecrets = keyof typeof IN_FILES;

/** `mqtt.password`: paths whose values no error shows. */
export const SECRETS: ReadonlySet<string> = new Set(
  Object.entries(IN_FILES).flatMap(([section, keys]) => keys.map((key) => `${section}.${key}`)),
);

/**
 * The configuration with what lies in files, read.
 *
 * @throws UserError no input, where a file cannot be read; configuration, where it does not hold what belongs there
 */
export function withSecrets(config: Config): Config {
  const sections = Object.keys(IN_FILES) as SectionWithSecrets[];
  return {
    ...config,
    ...Object.fromEntries(sections.map((name) => [name, readSecrets(name, config[name])])),
  };
}

function readSecrets(name: SectionWithSecrets, section: Config[SectionWithSecrets]): object {
  const values: Record<string, unknown> = { ...section };
  for (const key of IN_FILES[name]) {
    const path = values[`${key}File`];
    if (typeof path !== 'string') continue;
    values[key] = read(path, `${name}.${key}File`);
    values[`${key}File`] = undefined;
    checkSecret(name, key, values);
  }
  return values;
}

function read(path: string, key: string): string {
  try {
    // Editors on Windows begin a file with a mark that nobody sees.
    return readFileSync(path, 'utf8').replace(/^\uFEFF|\r?\n$/g, '');
  } catch (error) {
    throw new UserError(
      ExitCode.noInput,
      `${key}: ${path} cannot be read: ${messageOf(error)}`,
      'Make the file readable for the user this runs as.',
      { cause: error },
    );
  }
}

/** The schema has seen the name of the file only. */
function checkSecret(name: SectionWithSecrets, key: string, values: Record<string, unknown>): void {
  const { success, error } = configSchema.shape[name].safeParse(values);
  if (success) return;
  const wanted =
    key === 'password'
      ? 'no password, which has 1 to 1000 characters, 8 or more for HTTP'
      : `not what belongs there: ${error.issues[0]?.message}`;
  throw new UserError(
    ExitCode.config,
    `${name}.${key}File: what it holds is ${wanted}`,
    'Write it into the file; nothing else belongs there.',
  );
}
