import { type Command, Option } from 'commander';
import { ENGINES } from '../../constants.js';
import { numberFlag } from './flag-values.js';

/** Settings that several commands share; everything else is reached by --set. */

export function withConfig(command: Command): Command {
  return command.option(
    '-c, --config <file>',
    'configuration file (default: $BATHNET_CONFIG, /etc/bathnet2mqtt/config.yaml)',
  );
}

export function withSettings(command: Command): Command {
  return withConfig(command).addOption(
    repeatable(
      '--set <path=value>',
      'set any key of the configuration, for example --set alarm.threshold=0.7; can be repeated',
    ),
  );
}

/** The model, of which the backbone matters. */
export function withBackbone(command: Command): Command {
  return withSettings(command)
    .option('-m, --model <bundle>', 'model bundle: a name or the path of its folder')
    .addOption(suggest('--engine <name>', 'what computes the model', ['auto', ...ENGINES]));
}

export function withModel(command: Command): Command {
  return withBackbone(command).option(
    '--head <name>',
    "the model's head that decides, for example bathnet or audioset, or the path of a bundle whose head fits",
  );
}

/** How many threads share the work. */
export function withJobs(command: Command): Command {
  return command.option('-j, --jobs <number>', 'how many threads (default: as many as there are cores)');
}

export interface JobsFlag {
  readonly jobs?: string;
}

/** @throws UserError usage, where it is no number of threads */
export function jobsFlag({ jobs }: JobsFlag): number | undefined {
  return jobs === undefined ? undefined : numberFlag('jobs', jobs, { min: 1, max: 256, integer: true });
}

export function withBroker(command: Command): Command {
  return withModel(command)
    .option('--mqtt-url <url>', 'broker, for example mqtt://127.0.0.1:1883')
    .addOption(logLevel());
}

export function withInput(command: Command): Command {
  return withBroker(command).addOption(source());
}

export const source = () =>
  new Option('-s, --source <source>', 'portaudio[:device], command:<program>, file:<path> or stdin');

export const speed = () =>
  new Option('--speed <factor>', 'play a file this many times faster than real time');

export const logLevel = () =>
  suggest('--log-level <level>', 'how much is logged', ['debug', 'info', 'warn', 'error']);

/** An option that may come several times. */
export function repeatable(flags: string, description: string): Option {
  return new Option(flags, description).argParser((value, earlier: string[] = []) => [...earlier, value]);
}

/** Help and completion name the values. Whether one holds is for the configuration to say: it knows where it is from. */
function suggest(flags: string, description: string, values: string[]): Option {
  return Object.assign(new Option(flags, description), { argChoices: values });
}
