import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, type ScalarTag } from 'yaml';
import { lacksJinja } from './support/require.js';

const BLUEPRINT = new URL('../config/homeassistant/good-morning.yaml', import.meta.url);
/** What of Home Assistant's templates it uses, on a clock of ours. */
const RENDER = `
import datetime as dt, json, sys
from jinja2.nativetypes import NativeEnvironment
given = json.load(sys.stdin)
zone = dt.timezone.utc
local = lambda text: dt.datetime.fromisoformat(text).replace(tzinfo=zone)
def as_timestamp(value, default=None):
    try:
        return (value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value)).timestamp()
    except ValueError:
        return default
states = {entity: local(state).isoformat() if state[:1].isdigit() else state for entity, state in given["states"].items()}
env = NativeEnvironment()
env.globals.update(
    now=lambda: local(given["now"]), timedelta=dt.timedelta, as_timestamp=as_timestamp,
    today_at=lambda text: dt.datetime.combine(local(given["now"]).date(), dt.time.fromisoformat(text), zone))
env.filters.update(states=states.get, as_timestamp=as_timestamp)
env.tests.update(is_state=lambda entity, of: states[entity] in of)
known = {"trigger": given["trigger"]}
for name, value in given["variables"].items():
    known[name] = env.from_string(value).render(known) if isinstance(value, str) else value
known["runs"] = all(env.from_string(each).render(known) for each in given["conditions"])
json.dump({name: known[name] for name in ("runs", "finding")}, sys.stdout)
`;

interface Case {
  /** Local time, `2026-03-10T22:30`, as all others; the 10th is a Tuesday. */
  readonly now: string;
  /** When each sensor says that something was heard last. */
  readonly heard: readonly string[];
  readonly since?: string;
  readonly by?: string;
  readonly weekdays?: readonly string[];
}

/** Whether it runs that is started by this, and what it finds. */
function morning(trigger: '0' | 'start', { now, heard, ...choices }: Case) {
  const last_heard = heard.map((_, i) => `sensor.heard_${i}`);
  const inputs: Record<string, unknown> = {
    ...{
      since: '04:00:00',
      by: '10:00:00',
      phone: [],
      microphones: ['binary_sensor.microphone'],
      last_heard,
    },
    ...{ weekdays: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], ...choices },
  };
  const tag: ScalarTag = { tag: '!input', resolve: (name: string) => inputs[name] };
  const { variables, conditions } = parse(readFileSync(BLUEPRINT, 'utf8'), { customTags: [tag] });
  const { rooms, deaf_rooms, tag: _, ...rendered } = variables; // names, for people
  const given = {
    ...{ now, trigger: { id: trigger }, variables: rendered, conditions: conditions[0].or[1].and },
    states: {
      ...Object.fromEntries(last_heard.map((entity, i) => [entity, heard[i]])),
      'binary_sensor.microphone': 'off',
    },
  };
  const answer = execFileSync('python3', ['-c', RENDER], { input: JSON.stringify(given), encoding: 'utf8' });
  return JSON.parse(answer) as { runs: boolean; finding: string };
}

const NO_SIGN = { runs: true, finding: 'no_sign' };
const SIGN = { runs: true, finding: 'sign' };

describe.skipIf(lacksJinja())('the blueprint for the morning', () => {
  it('looks from since to by, also over midnight', () => {
    const at = { now: '2026-03-10T10:00:01' };
    expect(morning('0', { ...at, heard: ['2026-03-10T04:30', '2026-03-09T20:00'] })).toEqual(SIGN);
    expect(morning('0', { ...at, heard: ['2026-03-10T03:30', 'unknown', 'unavailable'] })).toEqual(NO_SIGN);
    const night = { now: '2026-03-10T07:00:01', since: '22:00:00', by: '07:00:00' };
    expect(morning('0', { ...night, heard: ['2026-03-09T22:30'] })).toEqual(SIGN);
    expect(morning('0', { ...night, heard: ['2026-03-09T21:30'] })).toEqual(NO_SIGN);
  });

  it.each([
    ['a start in the next evening, of the night before', '2026-03-10T22:30', '22:00:00', '07:00:00'],
    ['a start in the night, of the day before', '2026-03-11T00:30', '04:00:00', '23:00:00'],
    ['a start an hour late', '2026-03-10T11:00', '04:00:00', '10:00:00'],
  ])('looks after %s', (_, now, since, by) => {
    expect(morning('start', { now, since, by, heard: ['2026-03-10T06:00'] })).toEqual(SIGN);
    expect(morning('start', { now, since, by, heard: ['2026-03-09T20:00'] })).toEqual(NO_SIGN);
  });

  it('goes by the day of the hour that it looks after', () => {
    const given = { now: '2026-03-11T00:30', by: '23:00:00', heard: ['unknown'] };
    expect(morning('start', { ...given, weekdays: ['tue'] }).runs).toBe(true);
    expect(morning('start', { ...given, weekdays: ['wed'] }).runs).toBe(false);
  });

  it('takes nothing from the future for a sign, but for what a clock may be ahead', () => {
    const now = '2026-03-10T10:00:01';
    expect(morning('0', { now, heard: ['2026-03-11T01:00'] })).toEqual(NO_SIGN);
    expect(morning('0', { now, heard: ['2026-03-11T01:00', '2026-03-10T05:00'] })).toEqual(SIGN);
    expect(morning('0', { now, heard: ['2026-03-10T10:00:20'] })).toEqual(SIGN);
  });
});
