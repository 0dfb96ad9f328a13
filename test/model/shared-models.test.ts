import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { Hearing } from '../../src/hearing.js';
import { type Bundle, readBundle, writeBundle } from '../../src/model/bundle.js';
import { createNetwork } from '../../src/model/engines/create-network.js';
import type { Network, NetworkOptions } from '../../src/model/network.js';
import { SharedModels } from '../../src/model/shared-models.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { mappingOnly } from '../support/bundles.js';

const read = (): Promise<Bundle> => readBundle(join(SHIPPED_MODELS, 'bathnet-mini'));
const MEL = Float32Array.from({ length: 96 * 64 }, (_, i) => Math.sin(i));

it('the same network is made once, computes for one after the other, and is closed with the last', async () => {
  let made = 0;
  let closed = 0;
  let atOnce = 0;
  let most = 0;
  const models = new SharedModels(async (...args): Promise<Network> => {
    made++;
    const network = await createNetwork(...args);
    return {
      ...{ engine: network.engine, precision: network.precision },
      async run(mel) {
        most = Math.max(most, ++atOnce);
        const output = await network.run(mel);
        await new Promise((resolve) => setTimeout(resolve, 5));
        atOnce--;
        return output;
      },
      async close() {
        closed++;
        await network.close();
      },
    };
  });
  // Read twice, as two daemons do; another precision is another network.
  const [first, second] = await Promise.all([
    models.createNetwork(await read()),
    models.createNetwork(await read()),
  ]);
  const other = await models.createNetwork(await read(), 'auto', [], { precision: 'float32' });
  expect(made).toBe(2);
  const alone = await first.run(MEL);
  const outputs = await Promise.all([first, second, first, second].map((network) => network.run(MEL)));
  for (const { embedding } of outputs) expect(embedding).toEqual(alone.embedding);
  expect(most).toBe(1);
  await Promise.all([first.close(), first.close(), other.close()]);
  expect(closed).toBe(1);
  expect((await second.run(MEL)).embedding).toEqual(alone.embedding);
  await second.close();
  expect(closed).toBe(2);
  const again = await models.createNetwork(await read());
  expect(made).toBe(3);
  await again.close();
});

it('a failure of one run is no failure of the next; all are told that an NPU has failed', async () => {
  let fails = true;
  let onFallback: NetworkOptions['onFallback'];
  const models = new SharedModels(async (_bundle, _engine, _heads, options): Promise<Network> => {
    onFallback = options?.onFallback;
    return {
      ...({ engine: 'tfjs-wasm', precision: 'float32' } as const),
      async run() {
        if (fails) throw new Error('no');
        return { embedding: new Float32Array(1), heads: {} };
      },
      async close() {},
    };
  });
  const told: string[] = [];
  const of = async (name: string) =>
    models.createNetwork(await read(), 'auto', [], { onFallback: () => void told.push(name) });
  const [first, second] = [await of('first'), await of('second')];
  await expect(first.run(MEL)).rejects.toThrow('no');
  fails = false;
  expect((await second.run(MEL)).embedding).toHaveLength(1);
  onFallback?.(new UserError(69, 'the NPU hangs', ''));
  expect(told).toEqual(['first', 'second']);
  await first.close();
  onFallback?.(new UserError(69, 'the NPU hangs', ''));
  expect(told).toEqual(['first', 'second', 'second']);
  await second.close();
});

it('one that cannot be made is tried anew', async () => {
  let times = 0;
  const models = new SharedModels((...args) => {
    if (++times === 1) return Promise.reject(new Error('no engine'));
    return createNetwork(...args);
  });
  await expect(models.createNetwork(await read())).rejects.toThrow('no engine');
  await (await models.createNetwork(await read())).close();
});

it('a bundle is read once; what hears for the event head beside it is one as well, without an NPU', async () => {
  const made: string[] = [];
  const models = new SharedModels((bundle, engine, heads, options) => {
    made.push(`${bundle.manifest.name} ${options?.npu}`);
    return createNetwork(bundle, engine, heads, options);
  });
  const own = mkdtempSync(join(tmpdir(), 'bathnet-shared-'));
  const { manifest, tensors } = mappingOnly(await read());
  await writeBundle(
    join(own, 'imported'),
    { ...manifest, name: 'imported', eventModel: 'bathnet-mini' },
    tensors,
  );
  const each = () => models.readModel({ name: 'imported' }, [own, SHIPPED_MODELS]);
  const [{ bundle }, again] = await Promise.all([each(), each()]);
  expect(again.bundle).toBe(bundle);
  const hearings = [await Hearing.create(bundle, undefined, 'auto', { models })];
  hearings.push(await Hearing.create(bundle, undefined, 'auto', { models }));
  expect(made).toEqual(['imported undefined', 'bathnet-mini false']);
  for (const hearing of hearings) await hearing.close();
  rmSync(own, { recursive: true });
});
