import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort, until } from './support/mosquitto.js';
import { startPostServer } from './support/post-server.js';
import { lacksPrograms } from './support/require.js';

const CONFIG = new URL('../config/fleet/alertmanager.yml', import.meta.url);
/** Less than `group_interval`, after which a fault that was told already lets others of its group be told. */
const AT_ONCE_MS = 30_000;

interface Told {
  readonly status: string;
  readonly alerts: ReadonlyArray<{ status: string; labels: { alertname: string; instance: string } }>;
}

describe.skipIf(lacksPrograms('prometheus-alertmanager'))(
  'Alertmanager, with the configuration of a fleet',
  () => {
    it('tells of an alarm at once beside any other fault of its room, and when the room is gone', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'bathnet-alertmanager-'));
      const people = await startPostServer();
      const config = join(folder, 'alertmanager.yml');
      writeFileSync(config, readFileSync(CONFIG, 'utf8').replaceAll('http://127.0.0.1:9099', people.url));
      const port = await freePort();
      const flags = [`--config.file=${config}`, `--storage.path=${folder}`, '--cluster.listen-address='];
      const manager = spawn('prometheus-alertmanager', [...flags, `--web.listen-address=127.0.0.1:${port}`], {
        stdio: 'ignore',
      });
      const post = (alertname: string, severity: string) =>
        fetch(`http://127.0.0.1:${port}/api/v2/alerts`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify([{ labels: { alertname, severity, instance: 'room-101' } }]),
        }).then(
          ({ ok }) => ok,
          () => false,
        );
      const told = (path: string) =>
        people.posted
          .filter((each) => each.path === path)
          .flatMap(({ body }) => (JSON.parse(body) as Told).alerts)
          .filter(({ status }) => status === 'firing')
          .map(({ labels }) => labels.alertname);
      try {
        for (const other of ['BathnetWithoutBroker', 'BathnetGone']) {
          await until(() => post(other, 'page'), 'Alertmanager does not answer');
          await until(() => told('/night-nurse').includes(other), `nobody is told of ${other}`);
        }
        expect(await post('BathnetAlarm', 'page')).toBe(true);
        expect(await post('BathnetNobodyCame', 'escalate')).toBe(true);
        expect(await post('BathnetSmokeAlarm', 'page')).toBe(true);
        expect(await post('BathnetCarbonMonoxideAlarm', 'page')).toBe(true);
        await until(
          () =>
            ['BathnetAlarm', 'BathnetSmokeAlarm', 'BathnetCarbonMonoxideAlarm'].every((each) =>
              told('/night-nurse').includes(each),
            ) && told('/everybody').includes('BathnetNobodyCame'),
          'nobody is told of the alarm',
          AT_ONCE_MS,
        );
      } finally {
        manager.kill();
        await once(manager, 'exit');
        await people.close();
        rmSync(folder, { recursive: true });
      }
    });
  },
);
