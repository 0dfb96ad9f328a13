import { Command, CommanderError, Option } from 'commander';
import { REGISTRY } from './commands/registry.js';
import { interrupt } from './commands/support/interrupt.js';
import { addCommands } from './commands/support/lazy.js';
import { printError } from './commands/support/print.js';
import { VERSION } from './constants.js';
import { ExitCode, UserError } from './errors.js';
import { giveAddressesTime } from './system/addresses.js';

/** argv → one lazily imported command; errors → exit codes. Nothing else, but for what holds in the whole process. */

giveAddressesTime();

const program = new Command('bathnet2mqtt')
  .description('Listens, decides on this device what it hears, and tells MQTT and Home Assistant.')
  .version(VERSION, '-V, --version', 'print the version, as -v does')
  .addOption(new Option('-v').hideHelp())
  .on('option:v', () => {
    console.log(VERSION);
    throw new CommanderError(ExitCode.ok, 'commander.version', VERSION);
  })
  .showSuggestionAfterError()
  .showHelpAfterError('  hint: Add --help to see how it is used.')
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 64 usage, 65 bad data, 66 no input, 69 unavailable, 70 bug, 73 cannot create, 78 configuration',
  )
  .exitOverride();
addCommands(program, REGISTRY);

// Results that nobody reads any more (`… | head -1`) are no error; results that cannot be written are.
let unwritten: ExitCode | undefined;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (unwritten !== undefined) return;
  unwritten = error.code === 'EPIPE' ? ExitCode.ok : ExitCode.cannotCreate;
  if (unwritten !== ExitCode.ok)
    console.error(
      `error: results cannot be written: ${error.message}\n  hint: Make room, or write them elsewhere.`,
    );
  // What computes in threads must not be torn down with them.
  if (!interrupt()) process.exit(unwritten);
});
// Progress and warnings that nobody reads any more end nothing.
process.stderr.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  if (unwritten === undefined) fail(error);
}
if (unwritten !== undefined) process.exitCode = unwritten;

function fail(error: unknown): void {
  if (error instanceof UserError) {
    printError(error, true);
    process.exitCode = error.code;
  } else if (error instanceof CommanderError) {
    // Commander has said what is wrong; help and version count as success.
    process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  } else if ((error as NodeJS.ErrnoException).syscall === 'uv_cwd') {
    const gone = 'the folder that this is called in does not exist any more';
    fail(new UserError(ExitCode.noInput, gone, 'Change into another one.'));
  } else {
    console.error(error);
    process.exitCode = ExitCode.software;
  }
}
