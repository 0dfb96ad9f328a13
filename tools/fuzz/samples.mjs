// Makes samples/ anew: a short tone in each compressed format, and small weights as Keras lays them out.
// Needs ffmpeg: node tools/fuzz/samples.mjs
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { File, ready } from 'h5wasm/node';

const FOLDER = fileURLToPath(new URL('samples/', import.meta.url));
const TONE = ['-f', 'lavfi', '-i', 'sine=frequency=700:duration=0.2:sample_rate=16000', '-ac', '2'];
/** Versions and times of the encoder would make each run's file another one. */
const EXACT = [
  '-bitexact',
  '-fflags',
  '+bitexact',
  '-flags:a',
  '+bitexact',
  '-map_metadata',
  '-1',
  '-metadata_header_padding',
  '0',
];

mkdirSync(FOLDER, { recursive: true });
for (const [name, ...codec] of [
  ['tone.flac', '-c:a', 'flac'],
  ['tone-flac.ogg', '-c:a', 'flac', '-f', 'ogg'],
  ['tone-vorbis.ogg', '-c:a', 'libvorbis'],
  ['tone-opus.ogg', '-c:a', 'libopus', '-b:a', '24k'],
  ['tone.mp3', '-c:a', 'libmp3lame', '-b:a', '32k'],
  ['tone.wav', '-c:a', 'pcm_s16le', '-ar', '8000', '-ac', '1'],
  ['tone-adpcm.wav', '-c:a', 'adpcm_ima_wav', '-ac', '1'],
])
  execFileSync('ffmpeg', [
    '-nostdin',
    '-y',
    '-loglevel',
    'error',
    ...TONE,
    ...codec,
    ...EXACT,
    `${FOLDER}${name}`,
  ]);

await ready;
const file = new File(`${FOLDER}keras.h5`, 'w');
for (let layer = 1; layer <= 14; layer++)
  for (const kind of layer === 1 ? ['conv'] : ['depthwise_conv', 'pointwise_conv']) {
    const size = kind === 'pointwise_conv' ? 1 : 3;
    add(`layer${layer}/${kind}`, kind === 'depthwise_conv' ? 'depthwise_kernel' : 'kernel', [
      size,
      size,
      1,
      1,
    ]);
    for (const each of ['beta', 'moving_mean', 'moving_variance']) add(`layer${layer}/${kind}/bn`, each, [1]);
  }
add('logits', 'kernel', [1, 3]);
add('logits', 'bias', [3]);
file.close();

function add(path, name, shape) {
  let group = file;
  for (const part of path.split('/'))
    group = group.keys().includes(part) ? group.get(part) : group.create_group(part);
  const length = shape.reduce((product, extent) => product * extent, 1);
  group.create_dataset({
    name,
    data: Float32Array.from({ length }, (_, i) => 0.5 + i / 10),
    shape,
    dtype: '<f4',
  });
}
