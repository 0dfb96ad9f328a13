import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Manifest, readBundle, updateManifest } from '../../src/model/bundle.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { mappingManifest } from '../support/bundles.js';

let dir: string;
let folder: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-manifest-'));
  folder = join(dir, 'model');
  cpSync(join(SHIPPED_MODELS, 'bathnet-mini'), folder, { recursive: true });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function withAlarm(manifest: Manifest, label: string): Manifest {
  const { bathnet } = manifest.heads;
  if (!bathnet) throw new Error('no head');
  const alarm = { labels: [label], threshold: 0.42, hits: 1, window: 2, instantThreshold: 0.9 };
  return { ...manifest, heads: { ...manifest.heads, bathnet: { ...bathnet, alarm } } };
}

describe('updating a manifest', () => {
  it('changes what was asked for and nothing else, weights least of all', async () => {
    const weights = join(folder, 'weights.safetensors');
    const { mtimeMs } = statSync(weights);
    const before = (await readBundle(folder)).manifest;
    const returned = await updateManifest(folder, (manifest) => withAlarm(manifest, 'abnormal'));
    const after = (await readBundle(folder)).manifest;
    expect(after).toEqual(returned);
    expect(after).toEqual(withAlarm(before, 'abnormal'));
    expect(statSync(weights).mtimeMs).toBe(mtimeMs);
    expect(readdirSync(folder).some((name) => name.endsWith('.tmp'))).toBe(false);
  });

  it('sets the alarm rule of a blend', async () => {
    const labels = ['background', 'water', 'speech', 'abnormal'];
    const blended = (manifest: Manifest): Manifest => {
      const { audioset, bathnet } = mappingManifest(manifest).heads;
      const parts = [{ head: 'mapping', weight: 2 }];
      const blend = { type: 'blend' as const, labels, parts, bias: [0, 0, 0, 0] };
      return { ...manifest, heads: { audioset: audioset!, mapping: bathnet!, bathnet: blend } };
    };
    await updateManifest(folder, blended);
    const { heads } = await updateManifest(folder, (manifest) => withAlarm(manifest, 'abnormal'));
    expect(heads.bathnet).toMatchObject({ type: 'blend', alarm: { threshold: 0.42, window: 2 } });
  });

  it('refuses what does not fit, and leaves the file as it was', async () => {
    const before = readFileSync(join(folder, 'model.json'), 'utf8');
    await expect(updateManifest(folder, (manifest) => withAlarm(manifest, 'fire'))).rejects.toMatchObject({
      code: 65,
      message: expect.stringContaining('alarm label "fire" is none of its labels'),
    });
    expect(readFileSync(join(folder, 'model.json'), 'utf8')).toBe(before);
  });

  it('leaves what another process has written meanwhile, and says so', async () => {
    const path = join(folder, 'model.json');
    const whileAnotherWrites = (manifest: Manifest) => {
      writeFileSync(path, 'of other weights');
      return withAlarm(manifest, 'abnormal');
    };
    await expect(updateManifest(folder, whileAnotherWrites)).rejects.toMatchObject({
      code: 73,
      message: expect.stringContaining('another process has changed it meanwhile'),
    });
    expect(readFileSync(path, 'utf8')).toBe('of other weights');
    expect(readdirSync(folder).some((name) => name.endsWith('.tmp'))).toBe(false);
  });

  it('says what to do where the folder cannot be written', async () => {
    const removeIt = (manifest: Manifest) => {
      rmSync(folder, { recursive: true }); // root may write to any other
      return manifest;
    };
    await expect(updateManifest(folder, removeIt)).rejects.toMatchObject({
      code: 73,
      hint: expect.stringContaining('copy the folder'),
    });
  });
});
