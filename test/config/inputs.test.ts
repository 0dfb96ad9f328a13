import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, loadConfigs } from '../../src/config/load.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-inputs-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function load(yaml: string, flags: Record<string, unknown> = {}) {
  const file = join(dir, 'config.yaml');
  writeFileSync(file, yaml);
  return loadConfigs({ file, env: {}, cwd: dir, flags });
}

const TWO = `
mqtt: { url: mqtt://broker }
alarm: { sensitivity: high }
input: { source: command, command: arecord }
inputs:
  - device: { id: bath, name: Bathroom }
    input: { command: arecord -D hw:1 }
  - device: { id: hall }
    alarm: { sensitivity: low }
    quietHours: { from: "22:00", to: "06:00", threshold: 0.9 }
`;

describe('several microphones', () => {
  it('have their own sections over those of all', () => {
    const [bath, hall] = load(TWO, { 'mqtt.prefix': 'home' });
    expect(bath).toMatchObject({
      device: { id: 'bath', name: 'Bathroom' },
      input: { source: 'command', command: 'arecord -D hw:1' },
      alarm: { sensitivity: 'high' },
      mqtt: { url: 'mqtt://broker', prefix: 'home' },
    });
    expect(hall).toMatchObject({
      device: { id: 'hall' },
      input: { command: 'arecord' },
      alarm: { sensitivity: 'low' },
      quietHours: { from: '22:00' },
      mqtt: { prefix: 'home' },
    });
    expect([bath.web.port, hall?.web.port]).toEqual([8099, 8100]);
  });

  it('hear what the command line names, whatever they have of their own; who they are stays', () => {
    const flags = { 'input.source': 'file', 'input.file': 'a.wav', 'alarm.sensitivity': 'normal' };
    const all = load(TWO, { ...flags, 'device.id': 'demo', 'sounds.dog': '{threshold: 0.3}' });
    expect(all.map(({ input, alarm }) => [input.source, input.file, alarm.sensitivity])).toEqual([
      ['file', 'a.wav', 'normal'],
      ['file', 'a.wav', 'normal'],
    ]);
    expect(all.map(({ device }) => device.id)).toEqual(['bath', 'hall']);
    const stdin = 'inputs: [{ device: { id: a }, input: { source: stdin } }]';
    expect(load(stdin, { 'input.source': 'file', 'input.file': 'a.wav' })[0].input.source).toBe('file');
  });

  it('have a port each, also where one has something else of its own', () => {
    const ports = (text: string) => load(text).map(({ web }) => web.port);
    const TWO_PAGES =
      'inputs: [{ device: { id: a }, web: { password: "a good one" } }, { device: { id: b }, web: ';
    expect(ports(`${TWO_PAGES}{ password: "another one" } }]`)).toEqual([8099, 8100]);
    expect(ports(`web: { port: 80 }\n${TWO_PAGES}{ url: "http://hall.local" } }]`)).toEqual([80, 81]);
    expect(ports(`${TWO_PAGES}{ port: 90 } }]`)).toEqual([8099, 90]);
    expect(ports(`web: { port: 0 }\n${TWO_PAGES}{ enabled: true } }]`)).toEqual([0, 0]);
  });

  it('are one where there is no list; other commands than run take the first', () => {
    expect(load('device: { id: bath }')).toHaveLength(1);
    load(TWO);
    expect(loadConfig({ file: join(dir, 'config.yaml'), env: {}, cwd: dir, flags: {} }).device.id).toBe(
      'bath',
    );
  });

  it.each([
    ['inputs: []', /inputs: expected a list of 1 to 16/],
    ['inputs: bath', /inputs: expected a list/],
    ['inputs: [bath]', /inputs\.0: expected sections such as "device:"/],
    ['inputs: [{ input: { source: stdin } }]', /inputs\.0\.device\.id: expected an id of its own/],
    ['inputs: [{ device: { id: a } }, { device: { id: a } }]', /inputs\.1\.device\.id: is that of another/],
    ['inputs: [{ device: { id: a }, mqtt: { url: x } }]', /inputs\.0\.mqtt: expected one of device, input/],
    ['inputs: [{ device: { id: a } }, { device: { id: B } }]', /inputs\.1\.device\.id: .*lower-case/],
    ['inputs: [{ device: { id: a }, alarm: { hits: 9, window: 3 } }]', /inputs\.0\.alarm\.hits: /],
    ['inputs: [{ device: { id: a }, input: { rate: 1 } }]', /inputs\.0\.input\.rate: unknown key/],
    [
      'input: { source: stdin }\ninputs: [{ device: { id: a } }, { device: { id: b } }]',
      /inputs\.1\.input\.source: expected stdin once/,
    ],
    ['alarm: { hits: many }\ninputs: [{ device: { id: a } }]', /^ {2}alarm\.hits: /m],
  ])('with a mistake are refused: %s', (yaml, message) => {
    expect(() => load(yaml)).toThrow(message);
  });
});
