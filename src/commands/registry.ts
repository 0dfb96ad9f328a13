import type { Entry } from './support/lazy.js';

/** Every command there is, in the order of `--help`; each file has the command's flags beside its action. */
export const REGISTRY: readonly Entry[] = [
  {
    name: 'run',
    does: 'the daemon: listen and publish until stopped, or until the file ends',
    load: () => import('./run.js'),
  },
  {
    name: 'demo',
    does: 'the daemon on a bundled scene with a broker of its own: no microphone, no network',
    load: () => import('./demo.js'),
  },
  {
    name: 'classify',
    does: 'say what is in audio files, or in folders of them',
    load: () => import('./classify.js'),
  },
  {
    name: 'doctor',
    does: 'check Node, engine, model, microphone, broker and discovery, and say what to do',
    load: () => import('./doctor.js'),
  },
  { name: 'devices', does: 'list microphones', load: () => import('./devices.js') },
  {
    name: 'simulate',
    does: 'play a file into the configured broker as if the microphone heard it, marked as a test',
    load: () => import('./simulate.js'),
  },
  {
    name: 'feedback',
    does: 'verdicts that people have given on alarms',
    commands: [
      { name: 'list', does: 'show them', load: () => import('./feedback/list.js'), isDefault: true },
      { name: 'delete', does: 'delete them', load: () => import('./feedback/delete.js') },
    ],
  },
  {
    name: 'models',
    does: 'list, get, quantize, check, export, compile and remove model bundles',
    commands: [
      {
        name: 'list',
        does: 'list the bundles there are',
        load: () => import('./models/list.js'),
        isDefault: true,
      },
      {
        name: 'import',
        does: 'make a bundle from TensorFlow Lite files',
        load: () => import('./models/import.js'),
      },
      {
        name: 'pull',
        does: 'download the original YAMNet (15 MB, needs the network) and make a bundle of it',
        load: () => import('./models/pull.js'),
      },
      {
        name: 'quantize',
        does: 'calibrate a bundle with sound, so that it can run in 8-bit integers, faster',
        load: () => import('./models/quantize.js'),
      },
      {
        name: 'verify',
        does: 'check bundles and run one window through each; exit code 65 if one is bad',
        load: () => import('./models/verify.js'),
      },
      {
        name: 'export',
        does: 'write backbone and one head as one float32 model, and its labels beside it',
        load: () => import('./models/export.js'),
      },
      {
        name: 'compile',
        does: "compile a backbone for MediaTek's NPU with their ncc-tflite (docs/vab5000.md)",
        load: () => import('./models/compile.js'),
      },
      {
        name: 'remove',
        does: 'remove one of your own bundles, imported or pulled',
        load: () => import('./models/remove.js'),
      },
    ],
  },
  {
    name: 'record',
    does: 'record training clips from the microphone, one after the other, into the folder of their class',
    load: () => import('./record.js'),
  },
  {
    name: 'convert',
    does: 'bring a file or a folder of any audio to 16 kHz mono 16-bit WAV',
    load: () => import('./convert.js'),
  },
  {
    name: 'dataset',
    does: 'look after training data',
    commands: [
      {
        name: 'check',
        does: 'find duplicates, leaks between classes, silence, clipping and other faults before training',
        load: () => import('./dataset/check.js'),
      },
    ],
  },
  {
    name: 'train',
    does: 'teach it new sounds: a head for the classes in a folder, in a bundle that run and classify take',
    load: () => import('./train.js'),
  },
  {
    name: 'evaluate',
    does: 'measure a model: accuracy by class, alarms found, false alarms per hour at each threshold',
    load: () => import('./evaluate.js'),
  },
  {
    name: 'tune',
    does: 'find the alarm rule that keeps a rate of false alarms, and write it into the model',
    load: () => import('./tune.js'),
  },
  {
    name: 'completion',
    does: 'print what makes bash, zsh or fish complete commands and flags; --help says where to put it',
    load: () => import('./completion.js'),
  },
  { name: 'man', does: 'the manual page', load: () => import('./man.js') },
];
