import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Measures, Metrics } from '../../src/web/metrics.js';
import { lacksPrograms } from '../support/require.js';

const fileOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const ALERTS = fileOf('../../config/grafana/alerts.yaml');
const DASHBOARD = fileOf('../../config/grafana/dashboard.json');

const MEASURES: Measures = {
  ...{ uptimeSeconds: 1, windows: 2, droppedWindows: 0, vetoed: 0, levelDbfs: -50, problems: [] },
  diskFreeBytes: 1e9,
  ...{ inferenceMs: () => 1, latencyMs: () => 1, reconnects: 0, queuedEvents: 0, droppedEvents: 0 },
  ...{ hears: true, alarm: false, unanswered: false, enabled: true, connected: true },
};
const INFO = { device: 'd', version: '1', model: 'm', model_version: '1', engine: 'e', precision: 'int8' };

interface Dashboard {
  readonly panels: ReadonlyArray<{
    readonly title: string;
    readonly targets: ReadonlyArray<{ expr: string }>;
  }>;
}

describe('what Prometheus and Grafana are given', () => {
  it('asks for nothing that the daemon does not tell', async () => {
    const told = await new Metrics(() => MEASURES, INFO).text();
    const { panels } = JSON.parse(readFileSync(DASHBOARD, 'utf8')) as Dashboard;
    const asked = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    for (const text of [readFileSync(ALERTS, 'utf8'), ...asked]) {
      const names = text.match(/\b(?:bathnet|nodejs|process)_\w+(?=[{[) ]|$)/gm) ?? [];
      expect(names, text).not.toEqual([]);
      for (const name of names) if (name !== 'bathnet_problem') expect(told).toContain(`# TYPE ${name} `);
    }
  });

  it.skipIf(lacksPrograms('promtool'))('alerts of each fault, and of a room that is well never', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bathnet-alerts-'));
    try {
      const cases = join(folder, 'alerts.test.yaml');
      writeFileSync(
        cases,
        readFileSync(fileOf('../support/alerts.test.yaml'), 'utf8').replace('RULES', ALERTS),
      );
      expect(execFileSync('promtool', ['check', 'rules', ALERTS], { encoding: 'utf8' })).toMatch('SUCCESS');
      expect(execFileSync('promtool', ['test', 'rules', cases], { encoding: 'utf8' })).toMatch('SUCCESS');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
