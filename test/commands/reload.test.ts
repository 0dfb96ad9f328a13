import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBundle, writeBundle } from '../../src/model/bundle.js';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';
import { mappingOnly } from '../support/bundles.js';
import { Program, SCENE } from '../support/daemon.js';
import { decoded } from '../support/decoded.js';
import { until } from '../support/mosquitto.js';
import { lacksPrograms } from '../support/require.js';
import { lacksLibsystemd, openReceiver } from '../support/service-manager.js';
import { slowDisk } from '../support/slow-disk.js';
import { concatenate } from '../support/sound.js';

let dir: string;
let config: string;
let daemon: Program;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-reload-'));
  config = join(dir, 'config.yaml');
});
afterEach(async () => {
  await daemon.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

function configure(command: string, more = ''): void {
  writeFileSync(
    config,
    `stateDir: ${dir}/state\ndevice: { id: bath }\nmqtt: { url: 'mqtt://127.0.0.1:1' }\ninput: { source: command, command: '${command}' }\n${more}`,
  );
}

async function start(env?: NodeJS.ProcessEnv): Promise<void> {
  configure('cat /dev/zero; true one');
  daemon = new Program(['run', '--config', config], env);
  await said('sound arrives from .*true one');
}

const said = (pattern: string, times = 1) =>
  until(
    () => (daemon.stderr.match(new RegExp(pattern, 'g')) ?? []).length >= times,
    () => `${pattern}: ${daemon.stderr}`,
  );

describe('SIGHUP without a terminal, as of systemctl reload or under nohup', () => {
  it('goes on with the new configuration, once and again', async () => {
    await start();
    for (const word of ['two', 'three']) {
      configure(`cat /dev/zero; true ${word}`);
      process.kill(daemon.pid, 'SIGHUP');
      await said(`sound arrives from .*true ${word}`);
    }
    const { code } = await daemon.kill('SIGTERM');
    expect(code).toBe(0);
  });

  it('goes on with stdin', async () => {
    writeFileSync(
      config,
      `stateDir: ${dir}/state\nmqtt: { url: 'mqtt://127.0.0.1:1' }\ninput: { source: stdin }`,
    );
    daemon = new Program(['run', '--config', config]);
    const microphone = setInterval(() => daemon.stdin?.write(Buffer.alloc(3200, 1)), 100);
    try {
      await said('sound arrives from stdin');
      process.kill(daemon.pid, 'SIGHUP');
      await said('sound arrives from stdin', 2);
      expect((await daemon.kill('SIGTERM')).code).toBe(0);
    } finally {
      clearInterval(microphone);
    }
  });

  it.each([
    ['is not valid', 'alarm: { threshold: 7 }', 'alarm.threshold'],
    ['cannot be started', 'model: { name: nonesuch }', 'nonesuch'],
  ])('keeps the old configuration where the new one %s, and says why', async (_, wrong, why) => {
    await start();
    configure('cat /dev/zero; true two', wrong);
    process.kill(daemon.pid, 'SIGHUP');
    await said(`${why}.*the old one holds`);
    configure('cat /dev/zero; true three');
    process.kill(daemon.pid, 'SIGHUP');
    await said('sound arrives from .*true three');
    expect(daemon.stderr).not.toContain('sound arrives from program cat /dev/zero; true two');
  });
});

it.each(['SIGHUP', 'SIGKILL'] as const)(
  'keeps an impact that waits for its silence, over %s',
  async (signal) => {
    const model = join(dir, 'state', 'models', 'classes');
    const { manifest, tensors } = mappingOnly(await readBundle(join(SHIPPED_MODELS, 'bathnet-mini')));
    await writeBundle(model, manifest, tensors);
    const room = (seconds: number) =>
      Float32Array.from({ length: seconds * 16_000 }, () => 1e-3 * (2 * Math.random() - 1));
    const { samples } = await decoded(SCENE);
    const fall = concatenate([room(4), samples.subarray(14 * 16_000, 15.4 * 16_000), room(2)]);
    const raw = (sound: Float32Array) => Buffer.from(Int16Array.from(sound, (x) => 32_767 * x).buffer);
    writeFileSync(join(dir, 'fall'), raw(fall));
    writeFileSync(join(dir, 'room'), raw(room(60)));
    // What falls, falls once: the program that the next run starts gives a quiet room.
    const play = `const fs = require('fs'); const at = (name) => '${dir}/' + name;
    const fell = fs.existsSync(at('fell'));
    const sound = fs.readFileSync(at(fell ? 'room' : 'fall'));
    let k = 0;
    setInterval(() => {
      process.stdout.write(sound.subarray(3200 * k, 3200 * ++k));
      if (3200 * k >= sound.length) fs.writeFileSync(at('fell'), '');
    }, 100);`;
    writeFileSync(join(dir, 'play.cjs'), play);
    const settings = [
      'sense: { thumpSilenceSeconds: 5, thumpThreshold: 0.3 }',
      'alarm: { threshold: 1, instantThreshold: 1 }',
      'model: { name: classes }',
    ];
    configure(`${process.execPath} ${dir}/play.cjs`, settings.join('\n'));
    daemon = new Program(['run', '--config', config]);
    await until(
      () => existsSync(join(dir, 'fell')),
      () => daemon.stderr,
    );
    if (signal === 'SIGHUP') {
      process.kill(daemon.pid, signal);
      await said('sound arrives from', 2);
    } else {
      await daemon.kill(signal);
      daemon = new Program(['run', '--config', config]);
    }
    await said('"reason":"thump_then_silence"');
    // It has become an alarm, so it is not left to anybody.
    const kept = join(dir, 'state', 'devices', 'bath', 'impacts.json');
    await until(
      () => readFileSync(kept, 'utf8') === 'null\n',
      () => readFileSync(kept, 'utf8'),
    );
  },
);

it.skipIf(lacksPrograms('cc'))(
  'waits for a slow disk, and takes up all that was written by then',
  async () => {
    const slow = join(dir, 'slow');
    writeFileSync(
      config,
      `stateDir: ${dir}/state\ndevice: { id: bath }\nmqtt: { url: 'mqtt://127.0.0.1:1' }\ninput: { source: file, file: '${SCENE}' }\n`,
    );
    daemon = new Program(['run', '--config', config, '--speed', '5', '--loop'], slowDisk(dir, 2, slow));
    await said('sound arrives');
    writeFileSync(slow, '');
    await said('alarm_started'); // nothing of it is on the disk
    process.kill(daemon.pid, 'SIGHUP');
    await said('alarm_ended');
    await said('"events":2,"dropped":0,"msg":"events of an earlier run wait"');
  },
);

it.skipIf(lacksLibsystemd())(
  "takes none of the time of systemd's watchdog (needs libsystemd.so.0)",
  async () => {
    const manager = openReceiver(join(dir, 'notify'));
    try {
      const hourUs = 3_600_000_000;
      await start({ NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: String(hourUs) });
      manager.received();
      configure('cat /dev/zero; true two');
      process.kill(daemon.pid, 'SIGHUP');
      await said('sound arrives from .*true two');
      const heard = manager.received();
      const [ended, begun, works] = ['WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1'];
      expect(heard.filter((message) => !message.startsWith('STATUS='))).toEqual([
        ...[ended, begun, works],
        'READY=1',
      ]);
    } finally {
      manager.close();
    }
  },
);

it('is what the unit does on reload', () => {
  const unit = fileURLToPath(new URL('../../systemd/bathnet2mqtt.service', import.meta.url));
  expect(readFileSync(unit, 'utf8')).toMatch(/^ExecReload=kill -HUP \$MAINPID$/m);
});
