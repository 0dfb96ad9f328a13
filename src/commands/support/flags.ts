import { loadConfigs } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import { ExitCode, UserError } from '../../errors.js';
import { modelShelves } from '../../model/shelf.js';
import { stateFolder } from '../../storage/state.js';

/** The flags that stand for configuration; every command that reads it has them. */
export interface ConfigFlags {
  readonly config?: string | undefined;
  readonly source?: string;
  readonly mqttUrl?: string;
  readonly model?: string;
  readonly head?: string;
  readonly engine?: string;
  readonly speed?: string;
  readonly loop?: boolean;
  readonly logLevel?: string;
  readonly set?: readonly string[];
}

/** The configuration after everything, the command line last; of several microphones the first one's. */
export function configFrom(flags: ConfigFlags): Config {
  return configsFrom(flags)[0];
}

/** The same, whatever this machine is configured for: of the flags and the file that they name alone. */
export function configAlone(flags: ConfigFlags): Config {
  return configsFrom(flags, true)[0];
}

/** One for each microphone. */
export function configsFrom(flags: ConfigFlags, alone = false): readonly [Config, ...Config[]] {
  return loadConfigs({
    file: flags.config,
    env: process.env,
    cwd: process.cwd(),
    alone,
    flags: {
      ...sourceFlag(flags.source),
      'mqtt.url': flags.mqttUrl,
      'model.name': flags.model,
      'model.head': flags.head,
      'model.engine': flags.engine,
      'input.speed': flags.speed,
      'input.loop': flags.loop,
      'log.level': flags.logLevel,
      ...Object.fromEntries((flags.set ?? []).map(assignment)),
    },
  });
}

/** Where this configuration's models lie. */
export function shelvesOf(config: Config): string[] {
  return modelShelves(stateFolder(config.stateDir, process.env));
}

/** `file:scene.wav`, `portaudio:USB`, `command:arecord …`, `stdin`: the source and what it needs. */
function sourceFlag(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  const colon = text.indexOf(':');
  const source = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? '' : text.slice(colon + 1);
  const detail = ({ portaudio: 'device', command: 'command', file: 'file' } as Record<string, string>)[
    source
  ];
  return { 'input.source': source, ...(detail && rest ? { [`input.${detail}`]: rest } : {}) };
}

function assignment(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1)
    throw new UserError(
      ExitCode.usage,
      // No more than the path: what follows may be a password.
      `--set ${/^[\w.]*/.exec(text)?.[0]}: expected a path and a value`,
      'Write it as --set alarm.threshold=0.7',
    );
  return [text.slice(0, equals), text.slice(equals + 1)];
}
