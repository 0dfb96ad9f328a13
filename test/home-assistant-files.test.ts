import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, type ScalarTag } from 'yaml';
import { envName } from '../src/config/env.js';
import { configSchema } from '../src/config/schema.js';
import { PROBLEMS } from '../src/problems.js';
import { discoveryMessages } from '../src/publish/discovery.js';
import { topicsOf } from '../src/publish/topics.js';
import { ALL_FEATURES, model } from './publish/samples.js';

const read = (name: string) =>
  readFileSync(new URL(`../config/homeassistant/${name}`, import.meta.url), 'utf8');
/** Home Assistant's own tag: the value that a person chooses. */
const input: ScalarTag = { tag: '!input', resolve: (name: string) => ({ input: name }) };

/** Everything that `pick` finds anywhere in a tree. */
function collect(tree: unknown, pick: (node: unknown) => string | undefined): string[] {
  const found = pick(tree);
  const children = typeof tree === 'object' && tree !== null ? Object.values(tree) : [];
  return [...(found === undefined ? [] : [found]), ...children.flatMap((child) => collect(child, pick))];
}

const entities = () => {
  const [message] = discoveryMessages({
    mode: 'device',
    deviceId: 'bathroom',
    deviceName: 'Bathroom',
    topics: topicsOf({ prefix: 'bathnet', deviceId: 'bathroom' }),
    model: { ...model, alarmKinds: ['impact'] }, // as the shipped one: so it has a sensitivity
    features: ALL_FEATURES,
    version: '1',
    discoveryPrefix: 'homeassistant',
  });
  const components: { default_entity_id?: string; event_types?: string[] }[] = Object.values(
    JSON.parse(message?.payload ?? '{}').cmps,
  );
  return components;
};

describe('the files for Home Assistant', () => {
  it('the dashboard names entities that are announced for a device called "Bathroom"', () => {
    const isEntity = (node: unknown) =>
      typeof node === 'string' && /^[a-z_]+\.bathroom_\w+$/.test(node) ? node : undefined;
    const named = collect(parse(read('dashboard.yaml')), isEntity);
    expect(named.length).toBeGreaterThan(15);
    const announced = entities().map(({ default_entity_id }) => default_entity_id);
    expect(named.filter((entity) => !announced.includes(entity))).toEqual([]);
  });

  it.each(['blueprint.yaml', 'presence.yaml', 'good-morning.yaml'])(
    '%s uses every input that it asks for, and no other',
    (name) => {
      const { blueprint, ...automation } = parse(read(name), { customTags: [input] });
      const used = collect(automation, (node) => (node as { input?: string } | null)?.input);
      expect(new Set(used)).toEqual(new Set(Object.keys(blueprint.input)));
    },
  );

  it('the blueprint for the phone names event types that exist', () => {
    const types = entities().flatMap(({ event_types }) => event_types ?? []);
    const mentioned = [
      ...read('blueprint.yaml').matchAll(/'((?:alarm(?!_stream)|long|water|sound)_\w+|test)'/g),
    ].map(([, type]) => type);
    expect(mentioned.length).toBeGreaterThan(6);
    for (const type of mentioned) expect(types).toContain(type);
  });

  it('the blueprint for the phone has words for each problem that no other of its messages tells', () => {
    const { trigger_variables, variables } = parse(read('blueprint.yaml'), { customTags: [input] });
    const elsewhere = new RegExp(trigger_variables.said_elsewhere);
    const others = Object.values(PROBLEMS)
      .flat()
      .filter((problem) => !elsewhere.test(problem));
    expect(Object.keys(variables.problem_words).sort()).toEqual(others.sort());
    const microphone = [...PROBLEMS.microphone, ...PROBLEMS.sound, ...PROBLEMS.engine, 'no_sound'];
    expect([...microphone, 'detection_off'].filter((problem) => !elsewhere.test(problem))).toEqual([]);
  });

  it.each(['blueprint.yaml', 'good-morning.yaml'])(
    '%s tells each phone in a run of its own: one that is gone keeps no other from being told',
    (name) => {
      const { triggers, actions } = parse(read(name), { customTags: [input] });
      const loopOf = (node: unknown) => JSON.stringify((node as { repeat?: object } | null)?.repeat);
      const loops = collect(actions, loopOf);
      expect(loops.length).toBeGreaterThan(1);
      // An action that does not exist ends its run, whatever continue_on_error says.
      expect(loops.filter((loop) => loop.includes('"action"'))).toEqual([]);
      const [{ event }] = JSON.parse(loops[0] as string).sequence;
      const trigger = { id: 'tell', trigger: 'event', event_type: event };
      expect(triggers).toContainEqual(expect.objectContaining(trigger));
    },
  );

  it('the blueprint for a presence sensor says on the right topic what is understood there, and repeats it in time', () => {
    const { blueprint, triggers, actions } = parse(read('presence.yaml'), { customTags: [input] });
    const { occupied } = topicsOf({ prefix: 'bathnet', deviceId: 'bathroom' }).commands;
    // A room's id is its own: with a default that is another's nobody hears the sensor.
    expect(blueprint.input.topic.default).toBeUndefined();
    expect(blueprint.input.topic.description).toContain(occupied);
    expect(triggers).toContainEqual({ trigger: 'time_pattern', hours: '/1' });
    const { action, data } = actions[0];
    expect({ action, ...data }).toMatchObject({ action: 'mqtt.publish', retain: true });
    expect(data.payload.match(/'[A-Z]\w*'/g)).toEqual(["'ON'", "'OFF'", "'None'"]);
  });

  it('the compose file sets what the configuration knows', () => {
    const { services } = parse(read('compose.yaml'));
    const known = Object.entries(configSchema.shape).flatMap(([section, schema]) => {
      const inner = 'unwrap' in schema ? (schema.unwrap() as { shape?: object }) : {};
      return Object.keys(inner.shape ?? {}).map((key) => envName(`${section}.${key}`));
    });
    const set = Object.keys(services.bathnet2mqtt.environment);
    expect(set.filter((name) => !known.includes(name))).toEqual([]);
  });
});
