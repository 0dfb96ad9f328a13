import { readFileSync } from 'node:fs';
import { ExitCode, UserError } from '../../../dist/errors.js';
import { checkTensors, expectedTensors } from '../../../dist/model/bundle.js';
import { EventHead } from '../../../dist/model/event-head.js';
import { exportModel } from '../../../dist/model/export/export.js';
import { backboneFingerprint } from '../../../dist/model/fingerprint.js';
import { chooseHead, headsBehind } from '../../../dist/model/head.js';
import { readKerasYamnet } from '../../../dist/model/import/keras.js';
import { readTflite } from '../../../dist/model/import/tflite.js';
import { readMobileNet } from '../../../dist/model/import/tflite-mobilenet.js';
import { parseManifest } from '../../../dist/model/manifest.js';
import { readSafetensors, writeSafetensors } from '../../../dist/model/safetensors.js';
import { below, mutateBytes, mutateJsonText } from '../mutate.mjs';

const unsuitable = (what) => new UserError(ExitCode.badData, what, 'Get another one.');

const parts = { manifest, safetensors, tflite, hdf5 };
export const start = (part) => parts[part]();

/** `model.json`, and the heads of one that is accepted. */
function manifest() {
  const { manifest, tensors } = smallBundle();
  const text = Buffer.from(JSON.stringify(manifest));
  return {
    input: (random) => (below(random, 4) ? mutateJsonText(random, manifest) : mutateBytes(random, text)),
    run(input) {
      const bundle = { manifest: parseManifest(Buffer.from(input), 'model.json'), tensors };
      checkTensors(bundle.manifest, tensors, unsuitable);
      backboneFingerprint(bundle);
      for (const name of [...Object.keys(bundle.manifest.heads), bundle.manifest.defaultHead]) {
        const heads = Object.fromEntries(
          headsBehind(bundle.manifest, name).map((each) => [
            each,
            new Float32Array(bundle.manifest.heads[each].labels.length),
          ]),
        );
        chooseHead(bundle, name).score({ embedding: new Float32Array(), heads });
      }
      if (bundle.manifest.event) new EventHead(bundle.manifest.event, tensors);
    },
  };
}

/** The file as a whole, or its header alone with the right length before it. */
function safetensors() {
  const file = Buffer.from(writeSafetensors(smallBundle().tensors));
  const headerBytes = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.subarray(8, 8 + headerBytes));
  return {
    input(random) {
      if (below(random, 2)) return mutateBytes(random, file);
      const json = Buffer.from(mutateJsonText(random, header));
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(json.length));
      return Buffer.concat([length, json, file.subarray(8 + headerBytes)]);
    },
    run: (input) => readSafetensors(Buffer.from(input), 'weights.safetensors'),
  };
}

async function tflite() {
  const files = await Promise.all(
    ['small', 'blend'].map(async (head) =>
      Buffer.from((await exportModel(smallBundle(), 'tflite', { head })).bytes),
    ),
  );
  return {
    input: (random) => mutateBytes(random, files[below(random, 4) ? 0 : 1], files),
    run: (input) => readMobileNet(readTflite(Buffer.from(input), 'model.tflite'), unsuitable),
  };
}

function hdf5() {
  const file = readFileSync(new URL('../samples/keras.h5', import.meta.url));
  return {
    input: (random) => mutateBytes(random, file),
    run: (input) => readKerasYamnet(Buffer.from(input), unsuitable),
  };
}

/** All kinds of heads on a network that is as small as can be. */
function smallBundle() {
  const labels = ['background', 'abnormal'];
  const rule = { leak: 0.9, lines: { impact: 4 }, offsets: { impact: -1 }, falseAlarmsPerDay: 1 };
  const manifest = {
    format: 1,
    name: 'small',
    version: '1',
    description: '',
    licence: 'MIT',
    source: 'made up',
    frontEnd: 'yamnet-log-mel',
    backbone: [
      { type: 'conv', kernel: 3, stride: 2, filters: 2 },
      { type: 'separable', kernel: 3, stride: 1, filters: 4 },
    ],
    embeddingSize: 4,
    heads: {
      small: {
        type: 'dense',
        labels,
        layers: [{ units: 2, activation: 'softmax' }],
        alarm: { labels: ['abnormal'] },
      },
      map: { type: 'map', labels, from: 'small', classes: { abnormal: ['abnormal'] }, rest: 'background' },
      blend: {
        type: 'blend',
        labels,
        parts: [
          { head: 'small', weight: 1 },
          { head: 'map', weight: 0.5 },
        ],
        bias: [0, 1],
      },
    },
    defaultHead: 'blend',
    event: {
      kinds: ['impact', 'other'],
      windows: 2,
      hopSamples: 7680,
      levels: { blocks: 4, blockSamples: 1600, floorBlocks: 2, scaleDb: 20, limit: 3 },
      window: [{ units: 2, activation: 'relu' }],
      layers: [{ units: 2, activation: 'linear' }],
      alarm: {
        kinds: ['impact'],
        sensitivities: {
          low: rule,
          normal: { ...rule, thump: { line: 1, silenceSeconds: 8, voice: { line: 2, seconds: 15 } } },
          high: rule,
        },
      },
    },
    metrics: { recall: 0.5, note: 'made up' },
    weights: { bytes: 1, sha256: '0'.repeat(64) },
  };
  const tensors = new Map(
    [...expectedTensors(manifest)].map(([name, shape]) => {
      const length = shape.reduce((product, extent) => product * extent, 1);
      return [name, { shape, data: Float32Array.from({ length }, (_, i) => (i % 7) / 10 - 0.3) }];
    }),
  );
  return { manifest, tensors };
}
