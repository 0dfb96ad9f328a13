import { Argument, type Command } from 'commander';
import { ExitCode, UserError } from '../../errors.js';

/** A line of the registry: enough for `--help`, and where the rest is. */
export interface Entry {
  readonly name: string;
  readonly does: string;
  /** Loads the file of a command: its flags and its action. */
  readonly load?: () => Promise<{ define(command: Command): void }>;
  /** What a group consists of. */
  readonly commands?: readonly Entry[];
  /** Runs where its group is called by itself. */
  readonly isDefault?: boolean;
}

const pending = new WeakMap<Command, NonNullable<Entry['load']>>();

/** Adds commands by name and description; what they take and do is loaded when the command line names one. */
export function addCommands(parent: Command, entries: readonly Entry[]): void {
  for (const { name, does, load, commands, isDefault = false } of entries) {
    const command = parent.command(name, { isDefault }).description(does);
    if (load) pending.set(command, load);
    if (commands) addCommands(command, commands);
  }
  parent.hook('preSubcommand', (_, command) => {
    checkName(parent);
    return define(command);
  });
  addHelp(parent);
}

/** Loads the definitions of all commands below this one. */
export async function defineAll(parent: Command): Promise<void> {
  for (const command of parent.commands) {
    await define(command);
    await defineAll(command);
  }
}

async function define(command: Command): Promise<void> {
  const load = pending.get(command);
  pending.delete(command);
  (await load?.())?.define(command);
}

/** Commander takes a name that it does not know for an argument of the default command. */
function checkName(parent: Command): void {
  const [name = '-'] = parent.args;
  const names = parent.commands.map((command) => command.name());
  if (name.startsWith('-') || names.includes(name)) return;
  throw new UserError(
    ExitCode.usage,
    `there is no command "${parent.name()} ${name}"`,
    `Choose one of ${names.join(', ')}.`,
  );
}

/** `help run` is `run --help`. Commander's own does not wait until the command is loaded. */
function addHelp(parent: Command): void {
  const names = parent.commands.map((command) => command.name());
  parent
    .helpCommand(false)
    .command('help')
    .description('the same as --help')
    .addArgument(Object.assign(new Argument('[command]'), { argChoices: names }))
    .action(async (name?: string) => {
      const words = name === undefined ? [] : [name];
      const help = words.every((word) => names.includes(word)) ? ['--help'] : []; // else: unknown command
      await parent.parseAsync([...words, ...help], { from: 'user' });
    });
}
