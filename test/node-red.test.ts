import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Node {
  readonly id: string;
  readonly type: string;
  readonly wires?: readonly (readonly string[])[];
  readonly rules?: ReadonlyArray<{ readonly t: string; readonly v?: string }>;
  readonly [property: string]: unknown;
}

const flow: readonly Node[] = JSON.parse(
  readFileSync(new URL('../config/node-red/flow.json', import.meta.url), 'utf8'),
);
const nodeOf = (id: string): Node => flow.find((node) => node.id === id)!;
const ofType = (type: string) => flow.filter((node) => node.type === type);

/** Whether a value that leaves a node is shown in the end; switches let through what one of their rules fits. */
function isShown(node: Node, value: string): boolean {
  if (node.type === 'debug') return true;
  const fits = node.rules?.findIndex(({ t, v }) => t === 'else' || v === value);
  const next = fits === undefined ? node.wires?.[0] : node.wires?.[fits];
  return (next ?? []).some((id) => isShown(nodeOf(id), value));
}

it.each([
  'alarm_started',
  'alarm_escalated',
  'alarm_ended',
  'long_stay',
  'sound_heard',
  'water_running_long',
  'test',
  'deaf',
  'problem',
])("Node-RED's flow shows the event %s, over MQTT and as a webhook", (type) => {
  const events = [
    ...ofType('mqtt in').filter(({ topic }) => topic === 'bathnet/+/event'),
    ...ofType('http in'),
  ];
  expect(events).toHaveLength(2);
  for (const each of events) expect(isShown(each, type), String(each.name)).toBe(true);
});

it.each(['bathnet/+/availability', 'bathnet/+/input/availability'])(
  "Node-RED's flow shows that %s is offline",
  (topic) => {
    const [node] = flow.filter((each) => each.topic === topic);
    expect(node && [isShown(node, 'offline'), isShown(node, 'online')]).toEqual([true, false]);
  },
);

it("Node-RED's broker keeps for it what comes while it is away", () => {
  const [broker] = ofType('mqtt-broker');
  expect(broker).toMatchObject({ cleansession: false, clientid: 'bathnet-flow', autoUnsubscribe: false });
  // MQTT 5 forgets a session at once that asks for no time.
  expect(Number(broker?.sessionExpiry)).toBeGreaterThan(86_400);
  for (const node of ofType('mqtt in')) expect(node.qos).toBe('1');
});
