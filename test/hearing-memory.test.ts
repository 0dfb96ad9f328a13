import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { Hearing } from '../src/hearing.js';
import { readBundle } from '../src/model/bundle.js';
import { SHIPPED_MODELS } from '../src/model/shelf.js';

/** Collects garbage as `node --expose-gc` does. */
async function collect(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  for (let i = 0; i < 3; i++) {
    await sleep(20);
    gc();
  }
}

it('what hears does not keep the weights of the bundle: the engine has its own', async () => {
  const open = async () => {
    const bundle = await readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
    const weights = new WeakRef(bundle.tensors);
    return { weights, bundle, hearing: await Hearing.create(bundle) };
  };
  const kept = await open();
  await collect();
  expect(kept.weights.deref()).toBeDefined(); // as long as somebody has the bundle
  const { hearing, weights } = await open();
  await collect();
  expect(weights.deref()).toBeUndefined();
  for (const each of [kept.hearing, hearing]) await each.close();
});
