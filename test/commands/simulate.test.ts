import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Daemons, run, SCENE } from '../support/daemon.js';
import { Mosquitto } from '../support/mosquitto.js';
import { lacksPrograms } from '../support/require.js';
import { smokeAlarm, writeWav } from '../support/sound.js';

const skip = lacksPrograms('mosquitto', 'mosquitto_sub');
let daemons: Daemons;
let broker: Mosquitto;
beforeEach(async () => {
  if (!skip) [daemons, broker] = await Promise.all([Daemons.create(), Mosquitto.start()]);
});
afterEach(async () => {
  if (!skip) await Promise.all([daemons.close(), broker.close()]);
});

const settings = () => [
  '--mqtt-url',
  broker.url,
  '--set',
  'device.id=test',
  '--set',
  `stateDir=${daemons.stateDir}`,
];
const simulate = () => run(['simulate', SCENE, '--speed', '20', ...settings()]);

describe.skipIf(skip)('simulate', () => {
  it('plays a file as if the microphone heard it, every event marked as a test', async () => {
    const seen = await broker.subscribe('#');
    const { code, stdout, stderr } = await simulate();
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^\d+ windows, 2 alarms\n$/);
    await seen.waitFor('bathnet/test/availability', (payload) => payload === 'offline');
    const events = seen.on('bathnet/test/event').map((payload) => JSON.parse(payload));
    expect(events.map(({ event_type, test }) => [event_type, test])).toEqual([
      ['alarm_started', true],
      ['alarm_ended', true],
      ['alarm_started', true],
      ['alarm_ended', true],
    ]);
    expect(seen.on('bathnet/test/alarm')).toContain('ON');
    expect(seen.on('homeassistant/device/test/config')).toHaveLength(1);
  });

  it('names the sounds beside the alarm that were heard', async () => {
    const file = await writeWav(join(daemons.stateDir, 'smoke.wav'), [smokeAlarm(10)]);
    const seen = await broker.subscribe('bathnet/#');
    const { code, stdout, stderr } = await run(['simulate', file, '--speed', '20', ...settings()]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^\d+ windows, 0 alarms, and Smoke alarm\n$/);
    await seen.waitFor('bathnet/test/sound/smoke_alarm', (payload) => payload === 'ON');
  });

  it('is refused beside a running daemon, which does not notice', async () => {
    const seen = await broker.subscribe('bathnet/#');
    daemons.start(broker.url, ['--source', `file:${SCENE}`, '--loop']);
    await seen.waitFor('bathnet/test/availability', (payload) => payload === 'online');
    const { code, stderr } = await simulate();
    expect(code).toBe(69);
    expect(stderr).toMatch(/error: a daemon is running as test\n {2}hint: Stop it/);
    expect(seen.on('bathnet/test/availability')).toEqual(['online']);
  });

  it('says in one error that there is no broker, and leaves no alarm open', async () => {
    await broker.stop();
    const { code, stderr } = await simulate();
    expect(code).toBe(69);
    expect(stderr).toMatch(/^error: no connection to .*nothing listens there.*\n {2}hint: .*\n$/);
  });
});

describe.skipIf(skip)('feedback', () => {
  it('of the buttons is listed and deleted', async () => {
    const seen = await broker.subscribe('bathnet/#');
    const args = ['--source', `file:${SCENE}`, '--speed', '20', '--loop'];
    const daemon = daemons.start(broker.url, args);
    await seen.waitFor('bathnet/test/event', (payload) => payload.includes('alarm_ended'));
    broker.publish('bathnet/test/feedback/set', 'real_alarm');
    const env = { BATHNET_STATE_DIR: daemons.stateDir };
    let records: { verdict: string; episodeId: string; windows: number }[] = [];
    for (let i = 0; i < 20 && records.length === 0; i++) {
      const { stdout } = await run(['feedback', 'list', '--json'], env);
      records = stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    }
    await daemon.kill();
    expect(records).toMatchObject([{ verdict: 'real_alarm' }]);
    expect(records[0]?.windows).toBeGreaterThan(1);
    expect((await run(['feedback'], env)).stdout).toContain('real_alarm');
    expect((await run(['feedback', 'delete'], env)).code).toBe(64);
    const none = await run(['feedback', 'delete', 'none'], env);
    expect([none.code, none.stdout]).toEqual([66, '']);
    expect(none.stderr).toMatch(/^error: there is no feedback on none\n {2}hint: .*feedback list/);
    expect((await run(['feedback', 'delete', records[0]?.episodeId as string], env)).stdout).toBe(
      '1 deleted\n',
    );
    expect((await run(['feedback', 'list', '--json'], env)).stdout).toBe('');
  });
});
