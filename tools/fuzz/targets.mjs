// What is fed with damage. Each target is made when a worker asks for it, and has
//   input(random)  a case as bytes or text, which follows from the random numbers alone
//   run(input)     what the program does with it; throws what it throws
//   stop()         leaves nothing behind
const audio =
  (...samples) =>
  () =>
    import('./targets/audio.mjs').then(({ start }) => start(samples));
const model = (part) => () => import('./targets/model.mjs').then(({ start }) => start(part));
const kept = (part) => () => import('./targets/kept.mjs').then(({ start }) => start(part));

export const targets = {
  config: () => import('./targets/config.mjs').then(({ start }) => start()),
  commands: () => import('./targets/commands.mjs').then(({ start }) => start()),
  outbox: kept('outbox'),
  state: kept('state'),
  manifest: model('manifest'),
  safetensors: model('safetensors'),
  tflite: model('tflite'),
  hdf5: model('hdf5'),
  wav: audio('tone.wav', 'tone-adpcm.wav'),
  flac: audio('tone.flac', 'tone-flac.ogg'),
  ogg: audio('tone-vorbis.ogg', 'tone-flac.ogg'),
  opus: audio('tone-opus.ogg', 'tone-vorbis.ogg'),
  mp3: audio('tone.mp3', 'tone.wav'),
};
