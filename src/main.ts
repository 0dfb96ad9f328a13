#!/usr/bin/env node

import { Command, CommanderError, Option } from 'commander';
import { printError } from './commands/print.js';
import { VERSION } from './constants.js';
import { ExitCode, UserError } from './errors.js';

/** argv → one lazily imported command; errors → exit codes. Nothing else. */

const program = new Command('bathnet2mqtt')
  .description('Listens, decides on this device what it hears, and tells MQTT and Home Assistant.')
  .version(VERSION)
  .showSuggestionAfterError()
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 64 usage, 65 bad data, 66 no input, 69 unavailable, 70 bug, 73 cannot create, 78 configuration',
  )
  .exitOverride();

/** Settings that several commands share; everything else is reached by --set. */
const withModel = (command: Command) =>
  command
    .option(
      '-c, --config <file>',
      'configuration file (default: $BATHNET_CONFIG, /etc/bathnet2mqtt/config.yaml)',
    )
    .option('-m, --model <name>', 'model bundle: a name or the path of its folder')
    .option('--head <name>', "the model's head that decides, for example bathnet or audioset")
    .option('--engine <name>', 'auto, tfjs-wasm or tfjs-node')
    .option(
      '--set <path=value>',
      'set any key of the configuration, for example --set alarm.threshold=0.7; can be repeated',
      (value, earlier: string[]) => [...earlier, value],
      [],
    );
const withInput = (command: Command) =>
  withModel(command)
    .option('-s, --source <source>', 'portaudio[:device], command:<program>, file:<path> or stdin')
    .option('--mqtt-url <url>', 'broker, for example mqtt://127.0.0.1:1883')
    .option('--log-level <level>', 'debug, info, warn or error');
const speed = () => new Option('--speed <factor>', 'play a file this many times faster than real time');

withInput(program.command('run'))
  .description('the daemon: listen and publish until stopped, or until the file ends')
  .addOption(speed())
  .option('--loop', 'play a file again and again')
  .action(async (flags) => finish((await import('./commands/run.js')).run(flags)));

withModel(program.command('demo'))
  .description('the daemon on a bundled scene with a broker of its own: no microphone, no network')
  .addOption(speed())
  .option('--log-level <level>', 'debug, info, warn or error')
  .action(async (flags) => finish((await import('./commands/demo.js')).demo(flags)));

withModel(program.command('classify'))
  .description('say what is in audio files')
  .argument('<file...>', 'WAV, FLAC, OGG or MP3')
  .option('--json', 'one JSON line per file')
  .action(async (files, flags) => finish((await import('./commands/classify.js')).classify(files, flags)));

program
  .command('devices')
  .description('list microphones')
  .option('--json', 'as JSON')
  .action(async (flags) => finish((await import('./commands/devices.js')).devices(flags)));

const models = program.command('models').description('list and import model bundles');
models
  .command('list', { isDefault: true })
  .description('list the bundles there are')
  .option('-c, --config <file>', 'configuration file')
  .option('--json', 'as JSON')
  .action(async (flags) => finish((await import('./commands/models.js')).list(flags)));
models
  .command('import')
  .description('make a bundle from TensorFlow Lite files')
  .argument('<file...>', 'BATHNet: bathnet.tflite; the full YAMNet: bathnet.tflite yamnet.tflite')
  .requiredOption('-n, --name <name>', 'name of the new bundle')
  .option('-c, --config <file>', 'configuration file')
  .action(async (files, flags) => finish((await import('./commands/models.js')).importModel(files, flags)));

withInput(program.command('doctor'))
  .description('check Node, engine, model, microphone, broker and discovery, and say what to do')
  .action(async (flags) => finish((await import('./commands/doctor.js')).doctor(flags)));

/** The process ends when everything is done, with the code that the command returned. */
async function finish(command: Promise<ExitCode>): Promise<void> {
  process.exitCode = await command;
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof UserError) {
    printError(error);
    process.exitCode = error.code;
  } else if (error instanceof CommanderError) {
    // Commander has said what is wrong; help and version count as success.
    process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  } else {
    console.error(error);
    process.exitCode = ExitCode.software;
  }
}
