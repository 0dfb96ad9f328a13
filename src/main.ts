#!/usr/bin/env node

import { Command, CommanderError, Option } from 'commander';
import { printError } from './commands/support/print.js';
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
const withBackbone = (command: Command) =>
  command
    .option(
      '-c, --config <file>',
      'configuration file (default: $BATHNET_CONFIG, /etc/bathnet2mqtt/config.yaml)',
    )
    .option('-m, --model <name>', 'model bundle: a name or the path of its folder')
    .option('--engine <name>', 'auto, tfjs-wasm or tfjs-node')
    .option(
      '--set <path=value>',
      'set any key of the configuration, for example --set alarm.threshold=0.7; can be repeated',
      (value, earlier: string[]) => [...earlier, value],
      [],
    );
const withModel = (command: Command) =>
  withBackbone(command).option(
    '--head <name>',
    "the model's head that decides, for example bathnet or audioset, or the path of a bundle whose head fits",
  );
const withBroker = (command: Command) =>
  withModel(command)
    .option('--mqtt-url <url>', 'broker, for example mqtt://127.0.0.1:1883')
    .option('--log-level <level>', 'debug, info, warn or error');
const withInput = (command: Command) =>
  withBroker(command).option(
    '-s, --source <source>',
    'portaudio[:device], command:<program>, file:<path> or stdin',
  );
const speed = () => new Option('--speed <factor>', 'play a file this many times faster than real time');

withInput(program.command('run'))
  .description('the daemon: listen and publish until stopped, or until the file ends')
  .addOption(speed())
  .option('--loop', 'play a file again and again')
  .option('--reset-settings', 'forget what was set over MQTT: the configuration holds again')
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

const withMaterial = (command: Command) =>
  withModel(command)
    .argument('[dir]', 'class folders with clips, recordings with label files beside them, or both')
    .option(
      '--ordinary <dir>',
      'recordings in which nothing is to be found; can be repeated',
      (value, earlier: string[]) => [...earlier, value],
      [],
    )
    .option(
      '--map <renames>',
      'labels that stand for others of the head, for example singing=speech,glass=abnormal',
      (value, earlier: string[]) => [...earlier, value],
      [],
    )
    .option('--collar <seconds>', 'how far from an event its alarm may start', '2')
    .option('--split <part>', 'validation: only the clips that train keeps for it')
    .option('--validation <share>', 'share of the clips for validation, as given to train', '0.2')
    .option('--seed <number>', 'as given to train', '1')
    .option('--group-by <regex>', 'what names the recording in a path, as given to train');

withMaterial(program.command('evaluate'))
  .description('measure a model: accuracy by class, alarms found, false alarms per hour at each threshold')
  .option('--report <file>', 'write a page with plots (HTML)')
  .option('--kinds', 'figures by kind of sound as well: the folders below those of the classes')
  .option('--json', 'as JSON')
  .action(async (dir, flags) => finish((await import('./commands/evaluate.js')).evaluateCommand(dir, flags)));

withMaterial(program.command('tune'))
  .description('find the alarm rule that keeps a rate of false alarms, and write it into the model')
  .option('--false-alarms-per-hour <rate>', 'how many are bearable', '0.1')
  .option('--min-recall <share>', 'write nothing when fewer alarm sounds than this are found', '0.5')
  .option('--dry-run', 'write nothing')
  .option('--json', 'as JSON')
  .action(async (dir, flags) => finish((await import('./commands/tune.js')).tune(dir, flags)));

const dataset = program.command('dataset').description('look after training data');
dataset
  .command('check')
  .description('find duplicates, leaks between classes, silence, clipping and other faults before training')
  .argument('<dir>', 'one folder per class with audio files in it')
  .option('--group-by <regex>', 'what names the recording in a path, as given to train')
  .option('--json', 'as JSON')
  .action(async (dir, flags) => finish((await import('./commands/dataset.js')).check(dir, flags)));

program
  .command('convert')
  .description('bring a file or a folder of any audio to 16 kHz mono 16-bit WAV')
  .argument('<in>', 'an audio file or a folder; its structure is kept')
  .argument('<out>', 'a .wav file or a folder')
  .option('-j, --jobs <number>', 'how many at a time (default: as many as there are cores)')
  .option('--force', 'convert again what is done')
  .option('--json', 'the summary as JSON')
  .action(async (input, output, flags) =>
    finish((await import('./commands/convert.js')).convert(input, output, flags)),
  );

withBackbone(program.command('train'))
  .description(
    'teach it new sounds: a head for the classes in a folder, in a bundle that run and classify take',
  )
  .argument('<dir>', 'one folder per class with audio files in it')
  .argument('<out>', 'folder of the new bundle')
  .option('-n, --name <name>', 'what the new head is called', 'custom')
  .option('--alarm <labels>', 'classes that alarm, separated by commas (default: abnormal, if there is one)')
  .option('--hidden <units>', 'units of the hidden layers, for example 512 or 16,16,16, or none', '512')
  .option('--epochs <number>', 'at most so many passes over the clips', '50')
  .option('--batch <number>', 'samples per step', '32')
  .option('--learning-rate <rate>', "Adam's step size", '0.001')
  .option('--dropout <share>', 'share of the hidden units that a step leaves out', '0.3')
  .option('--patience <epochs>', 'stop after so many epochs without a lower validation loss', '10')
  .option('--no-class-weights', 'let frequent classes count more')
  .option(
    '--augment [copies]',
    'add variations of every training clip: pitch, tempo, position, noise, gain (3)',
  )
  .addOption(
    new Option('--pool <how>', 'learn from each window of a clip, or from their mean')
      .choices(['frames', 'mean'])
      .default('frames'),
  )
  .option('--validation <share>', 'share of the clips that is kept back to see how well it went', '0.2')
  .option('--group-by <regex>', 'finds the name of the recording in a path (default: consecutive numbers)')
  .option('--seed <number>', 'the same seed gives the same result', '1')
  .option(
    '--feedback [class]',
    'also train on alarms that people have judged: real ones, and false ones as this class (background)',
  )
  .option('--skip-bad', 'leave out files that cannot be decoded')
  .option('--no-cache', 'compute all embeddings again and keep none')
  .option('--force', 'replace the bundle that is there')
  .option('--json', 'the result as JSON')
  .action(async (dir, out, flags) => finish((await import('./commands/train.js')).train(dir, out, flags)));

program
  .command('record')
  .description(
    'record training clips from the microphone, one after the other, into the folder of their class',
  )
  .requiredOption('-l, --label <name>', 'the class; names the folder and the clips')
  .option('-o, --out <folder>', 'folder of all classes', 'clips')
  .option('-n, --count <number>', 'how many clips', '20')
  .option('--seconds <number>', 'how long to record for each; it is trimmed to where there is sound', '2')
  .option(
    '--interval <seconds>',
    'record by itself, with this pause before each clip, instead of waiting for Enter',
  )
  .option('--min-level <dBFS>', 'refuse as silent what stays below', '-60')
  .option('--json', 'the summary as JSON')
  .option('-s, --source <source>', 'portaudio[:device], command:<program>, file:<path> or stdin')
  .option('-c, --config <file>', 'configuration file')
  .option(
    '--set <path=value>',
    'set any key of the configuration',
    (value, earlier: string[]) => [...earlier, value],
    [],
  )
  .option('--log-level <level>', 'debug, info, warn or error')
  .action(async (flags) => finish((await import('./commands/record.js')).record(flags)));

program
  .command('devices')
  .description('list microphones')
  .option('--json', 'as JSON')
  .action(async (flags) => finish((await import('./commands/devices.js')).devices(flags)));

const models = program.command('models').description('list, get, check, export and remove model bundles');
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
  .option('--json', 'the result as JSON')
  .action(async (files, flags) => finish((await import('./commands/models.js')).importModel(files, flags)));
models
  .command('pull')
  .description('download the original YAMNet (15 MB, needs the network) and make a bundle of it')
  .argument('<model>', 'yamnet')
  .option('-n, --name <name>', 'name of the new bundle', 'yamnet')
  .option('--url <address>', 'a mirror of yamnet.h5')
  .option('--sha256 <hash>', 'of the file there, if it is not the original')
  .option('-c, --config <file>', 'configuration file')
  .addHelpText(
    'after',
    '\nA download that breaks goes on where it stopped when this is run again.\nTested with files of the same layout, not yet with the original itself; its hash is checked.',
  )
  .option('--json', 'the result as JSON')
  .action(async (model, flags) => finish((await import('./commands/models-pull.js')).pull(model, flags)));
models
  .command('verify')
  .description('check bundles and run one window through each; exit code 65 if one is bad')
  .argument('[name...]', 'all there are when none is named')
  .option('-c, --config <file>', 'configuration file')
  .option('--json', 'one JSON line per bundle')
  .action(async (names, flags) => finish((await import('./commands/models.js')).verify(names, flags)));
models
  .command('export')
  .description('write backbone and one head as one float32 model, and its labels beside it')
  .argument('<name>', 'model bundle: a name or the path of its folder')
  .addOption(
    new Option('-f, --format <format>', 'kind of file')
      .choices(['tflite', 'onnx', 'safetensors'])
      .makeOptionMandatory(),
  )
  .requiredOption('-o, --output <file>', 'where to; labels go to <file>.labels.txt')
  .option('--head <name>', "the model's default head when left out")
  .addOption(
    new Option('--input <order>', 'how the patch enters: [1,96,64,1] (default) or [1,64,96,1]').choices([
      'frames-bands',
      'bands-frames',
    ]),
  )
  .option('--force', 'replace the files that are there')
  .option('-c, --config <file>', 'configuration file')
  .option('--json', 'the result as JSON')
  .action(async (name, flags) =>
    finish((await import('./commands/models-export.js')).exportBundle(name, flags)),
  );
models
  .command('remove')
  .description('remove one of your own bundles, imported or pulled')
  .argument('<name>', 'its name')
  .option('-c, --config <file>', 'configuration file')
  .option('--json', 'the result as JSON')
  .action(async (name, flags) => finish((await import('./commands/models.js')).remove(name, flags)));

withBroker(program.command('simulate'))
  .description('play a file into the configured broker as if the microphone heard it, marked as a test')
  .argument('<file>', 'WAV, FLAC, OGG or MP3')
  .addOption(speed())
  .action(async (file, flags) => finish((await import('./commands/simulate.js')).simulate(file, flags)));

const feedback = program.command('feedback').description('verdicts that people have given on alarms');
feedback
  .command('list', { isDefault: true })
  .description('show them')
  .option('-c, --config <file>', 'configuration file')
  .option('--json', 'one JSON line per verdict')
  .action(async (flags) => finish((await import('./commands/feedback.js')).list(flags)));
feedback
  .command('delete')
  .description('delete them')
  .argument('[episode...]', 'episode ids of the list')
  .option('--all', 'every one', false)
  .option('-c, --config <file>', 'configuration file')
  .action(async (episodes, flags) =>
    finish((await import('./commands/feedback.js')).remove(episodes, flags)),
  );

withInput(program.command('doctor'))
  .description('check Node, engine, model, microphone, broker and discovery, and say what to do')
  .action(async (flags) => finish((await import('./commands/doctor.js')).doctor(flags)));

// Results that nobody reads any more (`… | head -1`) are no error; results that cannot be written are.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(ExitCode.ok);
  console.error(
    `error: results cannot be written: ${error.message}\n  hint: Make room, or write them elsewhere.`,
  );
  process.exit(ExitCode.cannotCreate);
});

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
