import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Condition } from '../../src/condition.js';
import { wantedSounds } from '../../src/config/sections/sounds.js';
import { PROBLEMS } from '../../src/problems.js';
import { type Measures, Metrics } from '../../src/web/metrics.js';
import { ManualClock } from '../support/clock.js';
import { lacksPrograms } from '../support/require.js';

const fileOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const ALERTS = fileOf('../../config/grafana/alerts.yaml');
const DASHBOARD = fileOf('../../config/grafana/dashboard.json');

const MEASURES: Measures = {
  ...{ uptimeSeconds: 1, windows: 2, droppedWindows: 0, vetoed: 0, levelDbfs: -50, problems: [] },
  diskFreeBytes: 1e9,
  ...{ inferenceMs: () => 1, latencyMs: () => 1, reconnects: 0, queuedEvents: 0, droppedEvents: 0 },
  sound: () => false,
  ...{ hears: true, alarm: false, unanswered: false, enabled: true, connected: true },
};
const LISTENED_FOR = {
  kinds: ['impact', 'scream'],
  sounds: [
    { id: 'smoke_alarm', event: true },
    { id: 'dog', event: false },
  ],
};
const INFO = { device: 'd', version: '1', model: 'm', model_version: '1', engine: 'e', precision: 'int8' };

/** Those that have an alert of their own. */
const ALERT_OF: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [...PROBLEMS.microphone, ...PROBLEMS.sound, 'no_sound', 'engine_failed'].map((each) => [
      each,
      'BathnetDeaf',
    ]),
  ),
  outbox_not_durable: 'BathnetDisk',
  detection_off: 'BathnetDetectionOff',
};

interface Dashboard {
  readonly panels: ReadonlyArray<{
    readonly title: string;
    readonly targets: ReadonlyArray<{ expr: string }>;
  }>;
}

describe('what Prometheus and Grafana are given', () => {
  it('asks for nothing that the daemon does not tell', async () => {
    const told = await new Metrics(() => MEASURES, INFO, LISTENED_FOR).text();
    for (const text of [readFileSync(ALERTS, 'utf8'), ...asked()]) {
      const names = text.match(/\b(?:bathnet|nodejs|process)_\w+(?=[{[) ]|$)/gm) ?? [];
      expect(names, text).not.toEqual([]);
      for (const name of names) if (name !== 'bathnet_problem') expect(told).toContain(`# TYPE ${name} `);
    }
  });

  it.skipIf(lacksPrograms('promtool'))('shows the first event of each kind after a start', async () => {
    const metrics = new Metrics(() => MEASURES, INFO, LISTENED_FOR);
    const before = eventsIn(await metrics.text());
    metrics.event('alarm_started', 'scream');
    metrics.event('alarm_ended', '');
    metrics.event('sound_heard', 'smoke_alarm');
    const input_series = [...eventsIn(await metrics.text())].map(([series, value]) => ({
      series,
      values: `${before.get(series) ?? '_'} ${value}x60`,
    }));
    const [expr] = asked().filter((each) => each.includes('bathnet_events_total'));
    const seen = [
      'type="alarm_ended"',
      'kind="scream",type="alarm_started"',
      'kind="smoke_alarm",type="sound_heard"',
    ];
    const promql_expr_test = [
      {
        expr: `group by (type, kind) (${expr})`,
        eval_time: '20m',
        exp_samples: seen.map((labels) => ({ labels: `{${labels}}`, value: 1 })),
      },
    ];
    const tests = [{ interval: '30s', input_series, promql_expr_test }];
    testRules(JSON.stringify({ rule_files: [ALERTS], tests }));
  });

  it('shows an alarm that was over before Prometheus asked', () => {
    expect(asked().filter((expr) => expr.startsWith('bathnet_unacknowledged{'))).toHaveLength(2);
  });

  it.skipIf(lacksPrograms('promtool'))('alerts of each fault, and of a room that is well never', () => {
    expect(execFileSync('promtool', ['check', 'rules', ALERTS], { encoding: 'utf8' })).toMatch('SUCCESS');
    testRules(readFileSync(fileOf('../support/alerts.test.yaml'), 'utf8').replace('RULES', ALERTS));
  });

  it.skipIf(lacksPrograms('promtool'))(
    'alerts of smoke and carbon monoxide, and of no other sound',
    async () => {
      const sounds = wantedSounds({ dog: true });
      const room = async (instance: string, heard?: string, then?: string) => {
        const measures = { ...MEASURES, sound: (id: string) => id === heard };
        const text = await new Metrics(() => measures, INFO, { kinds: [], sounds }).text();
        return [...text.matchAll(/^bathnet_sound\{(.*)\} (\d)$/gm)].map(([, labels, value]) => ({
          series: `bathnet_sound{${labels},instance="${instance}"}`,
          values: `0 ${value}x2 ${then ?? `${value}x20`}`,
        }));
      };
      const rooms = [
        await room('burns', 'smoke_alarm', 'stale'),
        await room('gas', 'co_alarm'),
        await room('over', 'smoke_alarm', '0x20'),
        await room('pet', 'dog'),
        await room('well'),
      ];
      const promql_expr_test = [
        {
          expr: 'count by (alertname, severity, instance) (ALERTS{alertstate="firing",alertname!="BathnetNoRooms"})',
          eval_time: '9m',
          exp_samples: [
            { labels: '{alertname="BathnetSmokeAlarm",instance="burns",severity="page"}', value: 1 },
            { labels: '{alertname="BathnetCarbonMonoxideAlarm",instance="gas",severity="page"}', value: 1 },
          ],
        },
      ];
      const tests = [{ interval: '30s', input_series: rooms.flat(), promql_expr_test }];
      testRules(JSON.stringify({ rule_files: [ALERTS], evaluation_interval: '30s', tests }));
    },
  );

  it.skipIf(lacksPrograms('promtool'))(
    'alerts until somebody acknowledges the alarm, or for a week where its room is gone',
    () => {
      const values = { gone: '0 1x2 stale', seen: '0 1x2 0 stale', back: '0 1x2 _x300 0x10' };
      const input_series = Object.entries(values).map(([instance, each]) => ({
        series: `bathnet_unacknowledged{instance="${instance}"}`,
        values: each,
      }));
      const firing = (eval_time: string, instances: string[]) => ({
        expr: 'count by (alertname, instance) (ALERTS{alertstate="firing",alertname!="BathnetNoRooms"})',
        eval_time,
        exp_samples: ['BathnetAlarm', 'BathnetNobodyCame'].flatMap((alertname) =>
          instances.map((instance) => ({
            labels: `{alertname="${alertname}",instance="${instance}"}`,
            value: 1,
          })),
        ),
      });
      const promql_expr_test = [
        firing('2d', ['gone', 'back']),
        firing('6d23h', ['gone']),
        firing('7d1h', []),
      ];
      const tests = [{ interval: '10m', input_series, promql_expr_test }];
      testRules(JSON.stringify({ rule_files: [ALERTS], evaluation_interval: '10m', tests }));
    },
  );

  it.skipIf(lacksPrograms('promtool'))(
    'alerts once of each problem of health, by a name that is true',
    async () => {
      const problems = Object.values(PROBLEMS).flat();
      const told = await Promise.all(problems.map((problem) => metricsWith(problem)));
      const series = told.flatMap((text, i) =>
        [...text.matchAll(/^(bathnet_(?:hears|problem|detection_enabled))(?:\{(.*)\})? (\d)$/gm)].map(
          ([, name, labels = '', value]) => ({
            series: `${name}{${[labels, `instance="${problems[i]}"`].filter(Boolean).join()}}`,
            values: `${value}x60`,
          }),
        ),
      );
      const alerts = problems.map((problem) => ({
        labels: `{alertname="${ALERT_OF[problem] ?? 'BathnetProblem'}",instance="${problem}"}`,
        value: 1,
      }));
      const expr = 'count by (alertname, instance) (ALERTS{alertstate="firing",alertname!="BathnetNoRooms"})';
      const promql_expr_test = [{ expr, eval_time: '20m', exp_samples: alerts }];
      const tests = [{ interval: '30s', input_series: series, promql_expr_test }];
      testRules(JSON.stringify({ rule_files: [ALERTS], evaluation_interval: '30s', tests }));
    },
  );
});

/** What the dashboard asks of all rooms. */
function asked(): string[] {
  const { panels } = JSON.parse(readFileSync(DASHBOARD, 'utf8')) as Dashboard;
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr.replaceAll('$room', '.*')));
}

/** How many events there were, by series. */
function eventsIn(text: string): Map<string, string> {
  return new Map(
    [...text.matchAll(/^(bathnet_events_total\{.*\}) (\d+)$/gm)].map(([, series = '', value = '']) => [
      series,
      value,
    ]),
  );
}

/** What the daemon tells where this is wrong. */
function metricsWith(problem: string): Promise<string> {
  const condition = new Condition('health', new ManualClock());
  condition.said({ topic: 'health', payload: JSON.stringify({ problems: [problem] }), event: false });
  const hears = condition.deafness.length === 0;
  const enabled = problem !== 'detection_off';
  return new Metrics(() => ({ ...MEASURES, problems: [problem], hears, enabled }), INFO, LISTENED_FOR).text();
}

function testRules(cases: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'bathnet-alerts-'));
  try {
    const file = join(folder, 'alerts.test.yaml');
    writeFileSync(file, cases);
    expect(execFileSync('promtool', ['test', 'rules', file], { encoding: 'utf8' })).toMatch('SUCCESS');
  } finally {
    rmSync(folder, { recursive: true });
  }
}
