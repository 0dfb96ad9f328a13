import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  deviceFolder,
  feedbackFolders,
  LOOK_MS,
  type OpenDevice,
  openDevice,
} from '../../src/storage/device.js';
import { hostId } from '../../src/storage/host-id.js';
import { State } from '../../src/storage/state.js';
import { recordingLog } from '../publish/samples.js';
import { ManualClock } from '../support/clock.js';
import { makeUnreadable } from '../support/unreadable.js';

let folder: string;
let log: ReturnType<typeof recordingLog>;
const open: OpenDevice[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bathnet-device-'));
  log = recordingLog();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((device) => device.release()));
  rmSync(folder, { recursive: true, force: true });
});

async function run(id: string | undefined, command = 'mic', stateFolder = folder): Promise<OpenDevice> {
  const device = await openDevice(stateFolder, id, { source: 'command', device: 'default', command }, log);
  open.push(device);
  return device;
}
const devices = () => readdirSync(join(folder, 'devices')).sort();

describe('two rooms with one state folder', () => {
  it('keep what is theirs apart', async () => {
    const bath = await run('bath', 'mic 1');
    const kitchen = await run('kitchen', 'mic 2');
    bath.state.write('settings.json', '1');
    await bath.state.settled();
    expect(kitchen.state.read('settings.json')).toBeUndefined();
    expect(devices()).toEqual(['bath', 'kitchen']);
  });

  it('do not take each other over, whichever starts first, running or not', async () => {
    await (await run('bath', 'mic 1')).release();
    await (await run('kitchen', 'mic 2')).release();
    await (await run('kitchen', 'mic 2')).release();
    await (await run('bath', 'mic 1')).release();
    expect(devices()).toEqual(['bath', 'kitchen']);
    await run('bath', 'same mic');
    await run('attic', 'same mic');
    expect(devices()).toEqual(['attic', 'bath', 'kitchen']);
  });

  it("do not take each other over where all start for the first time at once, and none has another's id", async () => {
    const ids = ['a', 'b', 'c', 'd', 'e'];
    await Promise.all(ids.map((id) => run(id, 'same mic')));
    expect(devices()).toEqual(ids);
    expect(readdirSync(folder)).toEqual(['devices']);
    await Promise.all(open.splice(0).map((device) => device.release()));
    const twice = await Promise.allSettled(ids.map(() => run('one')));
    expect(twice.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('with one id: the second is refused, and told who has it', async () => {
    const first = await run('bath');
    await expect(run('bath')).rejects.toMatchObject({
      code: 69,
      message: expect.stringContaining(
        `the device bath is in the hands of another process (process ${process.pid})`,
      ),
    });
    await first.release();
    await run('bath');
  });

  it('are free again after a process was killed, also where the path is long', async () => {
    const deep = join(folder, 'x'.repeat(100));
    const script = `
      import { openDevice } from '${fileURLToPath(new URL('../../dist/storage/device.js', import.meta.url))}';
      const log = { debug() {}, info() {}, warn() {}, error() {} };
      await openDevice(process.argv[1], 'bath', { source: 'stdin', device: '' }, log);
      console.log('open');
      setInterval(() => {}, 1000);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, deep]);
    await once(child.stdout, 'data');
    await expect(run('bath', 'mic', deep)).rejects.toThrow(`process ${child.pid}`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await run('bath', 'mic', deep);
  });
});

it('a device with a new id keeps what it had, where it listens to the same sound', async () => {
  const before = await run('bath');
  before.state.write('announced.json', '{"deviceId":"bath"}');
  await before.release();
  const after = await run('bathroom');
  expect(after.state.read('announced.json')).toBe('{"deviceId":"bath"}');
  expect(devices()).toEqual(['bathroom']);
});

it('does not take the folder of a device of which it cannot read what that listens to', async () => {
  await (await run('bath')).release();
  rmSync(join(deviceFolder(folder, 'bath'), 'input'));
  makeUnreadable(join(deviceFolder(folder, 'bath'), 'input'));
  await run('kitchen');
  expect(devices()).toEqual(['bath', 'kitchen']);
  const { state } = await run('bath');
  await state.settled();
  expect(new State(deviceFolder(folder, 'bath'), log).read('input')).toBe('command:mic');
});

it('leaves what it has to a microphone of the same process that comes later', async () => {
  const before = await run('bath');
  before.state.write('settings.json', '{"enabled":false}');
  await before.release();
  rmSync(join(deviceFolder(folder, 'bath'), 'input')); // as an earlier version left it
  const source = { source: 'stdin', device: '' } as const;
  const hall = await openDevice(folder, 'hall', source, log, ['hall', 'bath']);
  expect(hall.state.read('settings.json')).toBeUndefined();
  const bath = await openDevice(folder, 'bath', source, log, ['hall', 'bath']);
  expect(bath.state.read('settings.json')).toBe('{"enabled":false}');
  await Promise.all([hall.release(), bath.release()]);
});

it.each([
  ['another device', '{"deviceId":"bath"}'],
  ['a device that is not known', 'damaged'],
])('goes on with what an earlier version has left of %s', async (_, announced) => {
  mkdirSync(join(folder, 'outbox'));
  mkdirSync(join(folder, 'models'));
  writeFileSync(join(folder, 'outbox', 'event'), 'waits');
  writeFileSync(join(folder, 'announced.json'), announced);
  const { state } = await run('kitchen', 'other mic');
  // Of an unknown sound: it was the only device, and goes on under its new id.
  expect(readFileSync(join(deviceFolder(folder, 'kitchen'), 'outbox', 'event'), 'utf8')).toBe('waits');
  expect(state.read('announced.json')).toBe(announced);
  expect(devices()).toEqual(['kitchen']);
  expect(existsSync(join(folder, 'outbox'))).toBe(false);
  expect(existsSync(join(folder, 'models'))).toBe(true);
});

it('makes and holds its folder again where it was removed, and keeps again what it knows', async () => {
  const device = await run('bath');
  device.state.write('settings.json', '{"enabled":false}');
  await device.state.settled();
  const clock = new ManualClock();
  let replaced = 0;
  const end = device.watch(() => replaced++, clock);
  await clock.advance(LOOK_MS);
  expect(replaced).toBe(0);
  rmSync(join(folder, 'devices'), { recursive: true });
  await clock.advance(LOOK_MS);
  await expect.poll(() => replaced).toBe(1);
  await expect(run('bath')).rejects.toThrow('in the hands of another process');
  await device.state.settled();
  expect(new State(deviceFolder(folder, 'bath'), log).read('settings.json')).toBe('{"enabled":false}');
  end();
});

it('leaves what lies there where its folder was replaced', async () => {
  const device = await run('bath');
  device.state.write('settings.json', 'old');
  await device.state.settled();
  const kept = deviceFolder(folder, 'bath');
  renameSync(kept, join(folder, 'moved'));
  mkdirSync(kept);
  writeFileSync(join(kept, 'settings.json'), 'new');
  const clock = new ManualClock();
  let replaced = false;
  const end = device.watch(() => {
    replaced = true;
  }, clock);
  await clock.advance(LOOK_MS);
  await expect.poll(() => replaced).toBe(true);
  await device.state.settled();
  expect([device.state.read('settings.json'), device.state.read('input')]).toEqual(['new', 'command:mic']);
  end();
});

it('takes its folder once it can be made, as on a disk that is mounted late, and says once that it cannot', async () => {
  const mount = join(folder, 'mount');
  writeFileSync(mount, 'no folder yet');
  const device = await run('bath', 'mic', mount);
  device.state.write('settings.json', 'set before');
  device.state.write('sounds.json', 'set before');
  await device.state.settled();
  const clock = new ManualClock();
  let taken = false;
  const end = device.watch(() => {
    taken = true;
  }, clock);
  const complaints = () => log.lines.filter((line) => line.includes('cannot be taken again')).length;
  await clock.advance(LOOK_MS);
  await expect.poll(complaints).toBe(1);
  await clock.advance(LOOK_MS);
  rmSync(mount);
  mkdirSync(deviceFolder(mount, 'bath'), { recursive: true });
  writeFileSync(join(deviceFolder(mount, 'bath'), 'sounds.json'), 'was there');
  await expect
    .poll(async () => {
      await clock.advance(LOOK_MS);
      return taken;
    })
    .toBe(true);
  expect(complaints()).toBe(1);
  await expect(run('bath', 'mic', mount)).rejects.toThrow('in the hands of another process');
  await device.state.settled();
  const kept = new State(deviceFolder(mount, 'bath'), log);
  expect(['settings.json', 'sounds.json'].map((name) => kept.read(name))).toEqual([
    'set before',
    'was there',
  ]);
  end();
});

it('has what was set last once its disk can be written again', async () => {
  const device = await run('bath');
  const clock = new ManualClock();
  const end = device.watch(() => {}, clock);
  const path = join(deviceFolder(folder, 'bath'), 'settings.json');
  mkdirSync(path);
  device.state.write('settings.json', 'last');
  await device.state.settled();
  rmSync(path, { recursive: true });
  await expect
    .poll(async () => {
      await clock.advance(LOOK_MS);
      return existsSync(path) && readFileSync(path, 'utf8');
    })
    .toBe('last');
  end();
});

it('clears away what was half-written, sound among it', async () => {
  const kept = deviceFolder(folder, 'bath');
  for (const name of ['outbox', 'clips']) mkdirSync(join(kept, name), { recursive: true });
  const halves = ['settings.json.tmp', 'outbox/1.json.0123456789ab.tmp', 'clips/.1.part'];
  for (const name of [...halves, 'clips/1.wav']) writeFileSync(join(kept, name), 'half');
  await run('bath');
  expect(halves.filter((name) => existsSync(join(kept, name)))).toEqual([]);
  expect(existsSync(join(kept, 'clips/1.wav'))).toBe(true);
});

it('trains with the verdicts of all devices', () => {
  mkdirSync(join(folder, 'devices', 'bath'), { recursive: true });
  expect(feedbackFolders(folder)).toEqual([
    join(folder, 'feedback'),
    join(folder, 'devices', 'bath', 'feedback'),
  ]);
  rmSync(join(folder, 'devices'), { recursive: true });
  makeUnreadable(join(folder, 'devices'));
  expect(() => feedbackFolders(folder)).toThrow(expect.objectContaining({ code: 66 }));
});

describe('what a host has of its own', () => {
  const none = () => {
    throw new Error('ENOENT');
  };
  const address = (mac: string, internal = false) => ({ mac, internal }) as never;

  it('is its machine id, else a serial number, else an address of its hardware', () => {
    const files: Record<string, string> = { '/sys/firmware/devicetree/base/serial-number': '10000000abc\0' };
    const read = (path: string) => files[path] ?? none();
    expect(hostId(read, {})).toBe('10000000abc');
    files['/etc/machine-id'] = 'abcdef\n';
    expect(hostId(read, {})).toBe('abcdef');
    const cards = { lo: [address('00:00:00:00:00:00', true)], docker0: [address('02:42:ac:11:00:02')] };
    expect(hostId(none, cards)).toBeUndefined();
    expect(hostId(none, { ...cards, eth0: [address('b8:27:eb:00:11:22')] })).toBe('b8:27:eb:00:11:22');
  });

  it('is worth a warning where there is nothing and nothing can be kept', () => {
    writeFileSync(join(folder, 'file'), '');
    const unkept = () => new State(join(folder, 'file', 'state'), log);
    expect(unkept().deviceId('host')).toBe(unkept().deviceId('host'));
    expect(log.lines.join()).not.toContain('Set device.id');
    expect(unkept().deviceId(null)).not.toBe(unkept().deviceId(null));
    expect(log.lines.join()).toContain('Set device.id');
    const kept = () => new State(join(folder, 'state'), log);
    expect(kept().deviceId(null)).toBe(kept().deviceId(null));
  });
});
