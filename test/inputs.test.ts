import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Program, SCENE } from './support/daemon.js';
import { Mosquitto, type Subscription, until } from './support/mosquitto.js';
import { lacksPrograms } from './support/require.js';

const skip = lacksPrograms('mosquitto', 'mosquitto_sub');

describe.skipIf(skip)('one process with several microphones', () => {
  let dir: string;
  let broker: Mosquitto;
  let seen: Subscription;
  let daemon: Program;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'bathnet-inputs-'));
    broker = await Mosquitto.start();
    seen = await broker.subscribe('#');
    const config = join(dir, 'config.yaml');
    const noise = 'while head -c 3200 /dev/urandom; do sleep 0.1; done';
    writeFileSync(
      config,
      `mqtt: { url: "${broker.url}" }
stateDir: ${join(dir, 'state')}
inputs:
  - device: { id: bath }
    input: { source: file, file: ${SCENE}, loop: true, speed: 4 }
  - device: { id: hall }
    input: { source: command, command: "echo $$ > ${join(dir, 'pid')}; ${noise}" }
  - device: { id: attic }
    input: { source: command, command: "sleep 1; exit 3" }
`,
    );
    daemon = new Program(['run', '--config', config]);
  });
  afterAll(async () => {
    await daemon?.kill();
    await broker?.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const last = (topic: string) => seen.on(topic).at(-1);

  it('is a device for each, with one network, and an alarm of one is no alarm of another', async () => {
    for (const id of ['bath', 'hall'])
      await seen.waitFor(`bathnet/${id}/input/availability`, (payload) => payload === 'online');
    const event = JSON.parse(await seen.waitFor('bathnet/bath/event'));
    expect(event).toMatchObject({ event_type: 'alarm_started', kind: 'breaking' });
    for (const id of ['bath', 'hall', 'attic'])
      expect(seen.on(`homeassistant/device/${id}/config`), id).toHaveLength(1);
    for (const id of ['hall', 'attic']) expect(seen.on(`bathnet/${id}/event`), id).toEqual([]);
    expect(daemon.stderr.match(/"device":"(bath|hall|attic)"[^\n]*"model loaded"/g)).toHaveLength(3);
  });

  it('loses one without a word to the others', async () => {
    await seen.waitFor('bathnet/attic/health', (payload) => JSON.parse(payload).problems.length > 0);
    expect(last('bathnet/attic/input/availability')).not.toBe('online');
    expect(last('bathnet/hall/input/availability')).toBe('online');
    expect(last('bathnet/hall/availability')).toBe('online');
    const before = seen.on('bathnet/bath/class').length;
    await until(() => seen.on('bathnet/bath/class').length > before + 2, 'the first hears no more');
  });

  it('takes settings of each for itself, keeps them apart, and stops as one', async () => {
    broker.publish('bathnet/hall/threshold/set', '0.9');
    await seen.waitFor('bathnet/hall/threshold', (payload) => payload === '0.9');
    expect(last('bathnet/bath/threshold')).toBe('0.7'); // the bundle's
    expect((await daemon.kill()).code).toBe(0);
    for (const id of ['bath', 'hall', 'attic'])
      await seen.waitFor(`bathnet/${id}/availability`, (payload) => payload === 'offline');
  });
});
