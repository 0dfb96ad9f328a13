// Plain TensorFlow.js as it comes, without WASM or native code: tfjs.mjs OTHERS BUNDLE FOLDER WINDOWS
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { readBundle } from '../../../dist/model/bundle.js';
import { melsOf, sayFigures, sayFirst, timeWindows } from './figures.mjs';

const [others, bundle, folder, windows] = process.argv.slice(2);
const tf = createRequire(join(others, 'package.json'))('@tensorflow/tfjs');
const { manifest, tensors } = await readBundle(bundle);
await tf.setBackend('cpu');
const weights = new Map(
  [...tensors]
    .filter(([name]) => /^(backbone|heads\.audioset)\./.test(name))
    .map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]),
);
const layer = (op, x, name, stride) =>
  op(x, weights.get(`${name}.kernel`), stride, 'same')
    .add(weights.get(`${name}.bias`))
    .relu();
const scores = (mel) =>
  tf.tidy(() => {
    let x = tf.tensor4d(mel, [1, 96, 64, 1]);
    for (const [i, { type, stride }] of manifest.backbone.entries()) {
      const name = `backbone.${i}`;
      x =
        type === 'conv'
          ? layer(tf.conv2d, x, name, stride)
          : layer(
              tf.conv2d,
              layer(tf.depthwiseConv2d, x, `${name}.depthwise`, stride),
              `${name}.pointwise`,
              1,
            );
    }
    const embedding = x.mean([1, 2]);
    const head = (part) => weights.get(`heads.audioset.0.${part}`);
    return embedding.matMul(head('kernel')).add(head('bias')).sigmoid().dataSync();
  });

const mels = melsOf(folder);
scores(mels(0));
sayFirst();
const { wholeMs, ...figures } = await timeWindows(async (i) => void scores(mels(i)), Number(windows));
sayFigures({ wholeMs, networkMs: wholeMs, ...figures });
