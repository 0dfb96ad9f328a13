import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configJsonSchema, defaultYaml } from '../../src/config/docs.js';
import { envName } from '../../src/config/env.js';
import { loadConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/schema.js';
import { ExitCode, type UserError } from '../../src/errors.js';
import { dockerStages, readEnvironment } from '../../tools/arm64/read-steps.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'bathnet-config-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

interface Given {
  file?: string | Uint8Array;
  env?: NodeJS.ProcessEnv;
  flags?: Record<string, unknown>;
  dotenv?: string;
}

function load({ file = '', env = {}, flags = {}, dotenv }: Given = {}): Config {
  const path = join(cwd, 'config.yaml');
  writeFileSync(path, file);
  if (dotenv !== undefined) writeFileSync(join(cwd, '.env'), dotenv);
  return loadConfig({ file: path, env, flags, cwd });
}

function errorOf(given: Given): UserError {
  try {
    load(given);
  } catch (error) {
    return error as UserError;
  }
  throw new Error('no error');
}

/** As the Dockerfile sets it, with the files of this repository. */
function imageEnvironment(): NodeJS.ProcessEnv {
  const instructions =
    dockerStages(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')).at(-1)?.instructions ?? [];
  const settings = instructions.filter(({ name }) => name === 'ENV').map(({ text }) => readEnvironment(text));
  const env: Record<string, string> = Object.assign({}, ...settings);
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, value.replace('/opt/bathnet2mqtt/', ROOT)]),
  );
}

describe('the configuration', () => {
  it('has a default for everything it needs', () => {
    expect(load()).toMatchObject({ mqtt: { url: 'mqtt://127.0.0.1:1883' }, window: { hopSeconds: 0.48 } });
  });

  it('takes file, then .env, then environment, then flags, the later one winning', () => {
    const file = 'mqtt: {url: "mqtt://file:1", prefix: file, username: file}\ndevice: {name: file}';
    const dotenv =
      'BATHNET_MQTT__URL=mqtt://dotenv:1\nBATHNET_MQTT__PREFIX=dotenv\nBATHNET_MQTT__USERNAME=dotenv';
    const env = { BATHNET_MQTT__URL: 'mqtt://env:1', BATHNET_MQTT__PREFIX: 'env' };
    const { mqtt, device } = load({
      file,
      dotenv,
      env,
      flags: { 'mqtt.url': 'mqtt://flag:1', 'mqtt.prefix': undefined },
    });
    expect(mqtt).toMatchObject({ url: 'mqtt://flag:1', prefix: 'env', username: 'dotenv' });
    expect(device.name).toBe('file');
  });

  it('takes what an image brings along where nothing else is said', () => {
    const env = imageEnvironment();
    const ofImage = (given: Given) => load({ ...given, env: { ...env, ...given.env } }).web;
    // What the HEALTHCHECK asks.
    expect(ofImage({})).toMatchObject({ enabled: true, port: 8099, host: '127.0.0.1' });
    for (const file of ['web:', 'web: {url: "http://a"}', 'device: {name: a}'])
      expect(ofImage({ file }).enabled).toBe(true);
    expect(ofImage({ file: 'web: {enabled: false}' }).enabled).toBe(false);
    expect(ofImage({ env: { BATHNET_WEB__ENABLED: 'false' } }).enabled).toBe(false);
    expect(() => ofImage({ file: 'web: {enabled: null}' })).toThrow('web.enabled');
    expect(loadConfig({ env, flags: {}, cwd, alone: true }).web.enabled).toBe(false);
    expect(errorOf({ env: { BATHNET_DEFAULTS: '/none.yaml' } }).message).toMatch('/none.yaml cannot be read');
  });

  it('reads numbers, switches and lists from the environment', () => {
    const { input, alarm, mqtt } = load({
      env: {
        BATHNET_INPUT__SPEED: '2.5',
        BATHNET_INPUT__LOOP: 'yes',
        BATHNET_INPUT__CHANNEL: '3',
        BATHNET_ALARM__LABELS: 'coin, game_over',
        BATHNET_ALARM__KINDS: '[]',
        BATHNET_MQTT__USERNAME: '007',
      },
    });
    expect(input).toMatchObject({ speed: 2.5, loop: true, channel: 3 });
    expect(alarm).toMatchObject({ labels: ['coin', 'game_over'], kinds: [] });
    expect(mqtt.username).toBe('007');
  });

  it('reads from a flag what may be a switch or a section, whole or key by key, as it would stand in a file', () => {
    const of = (sounds: Record<string, string>) => load({ flags: sounds }).sounds;
    expect(of({ 'sounds.dog.threshold': '0.9', 'sounds.dog.event': 'on', 'sounds.cough': 'true' })).toEqual({
      dog: { threshold: 0.9, event: true },
      cough: true,
    });
    expect(of({ 'sounds.fridge.classes': '[Buzzer, "Smoke detector, smoke alarm"]' })).toEqual({
      fridge: { classes: ['Buzzer', 'Smoke detector, smoke alarm'] },
    });
    expect(of({ 'sounds.dog': '{hits: 3}' })).toEqual({ dog: { hits: 3 } });
    expect(of({ sounds: '{dog: {hits: 3}, cough: true}' })).toEqual({ dog: { hits: 3 }, cough: true });
    for (const broken of ['{hits: 3', '[1', 'maybe'])
      expect(() => of({ 'sounds.dog': broken })).toThrow(/sounds\.dog: expected true, false, or classes/);
  });

  it('names an environment variable after every path', () => {
    expect(envName('mqtt.url')).toBe('BATHNET_MQTT__URL');
    expect(envName('mqtt.passwordFile')).toBe('BATHNET_MQTT__PASSWORD_FILE');
    expect(envName('stateDir')).toBe('BATHNET_STATE_DIR');
    expect(load({ env: { BATHNET_STATE_DIR: '/x', BATHNET_INPUT__SAMPLE_RATE_HZ: '48000' } })).toMatchObject({
      stateDir: '/x',
      input: { sampleRateHz: 48_000 },
    });
  });

  it('lists every problem at once: path, expected, found, and where it came from', () => {
    const { code, message } = errorOf({
      file: 'mqtt: {urll: x, keepaliveSeconds: soon}\nwindow: {hopSeconds: 3}\nnonsense: 1',
      env: { BATHNET_ALARM__THRESHOLD: '7', BATHNET_ALARM__KINDS: '[impact, 5]' },
    });
    expect(code).toBe(ExitCode.config);
    expect(message).toMatch(/nonsense: unknown key; expected one of device, input/);
    expect(message).toMatch(/mqtt\.urll: unknown key; expected one of url/);
    expect(message).toMatch(/mqtt\.keepaliveSeconds: expected number, found "soon"/);
    expect(message).toMatch(/window\.hopSeconds: expected number to be <=0\.975, found 3/);
    expect(message).toMatch(
      /alarm\.threshold: expected number to be <=1, found 7 \(from BATHNET_ALARM__THRESHOLD\)/,
    );
    expect(message).toMatch(
      /alarm\.kinds\.1: expected string in quotes, found 5 \(from BATHNET_ALARM__KINDS\)/,
    );
  });

  it.each([
    ['a file source without a file', 'input: {source: file}', /input\.file: expected a file/],
    ['a command source without a command', 'input: {source: command}', /input\.command/],
    [
      'a channel that is not there',
      'input: {source: stdin, channels: 2, channel: 3}',
      /input\.channel: expected mix or at most input\.channels \(2\)/,
    ],
    ['a channel by name', 'input: {channel: left}', /input\.channel: expected mix or a number from 1 to 32/],
    ['more hits than windows', 'alarm: {hits: 4, window: 3}', /alarm\.hits: expected at most/],
    [
      'an instant threshold below the threshold',
      'alarm: {threshold: 0.9, instantThreshold: 0.8}',
      /alarm\.instantThreshold/,
    ],
    ['a password without a user', 'mqtt: {password: x}', /mqtt\.username/],
    [
      'a password and a password file',
      'mqtt: {username: u, password: x, passwordFile: y}',
      /only one of password/,
    ],
    [
      'an address and a file of it',
      'notify: {ntfyUrl: "https://x/y", ntfyUrlFile: z}',
      /notify\.ntfyUrlFile: expected only one of ntfyUrl/,
    ],
    ['a token without a server', 'notify: {ntfyToken: x}', /notify\.ntfyUrl: expected an address, because/],
    [
      'a webhook that is none',
      'notify: {webhookUrl: "ftp://x"}',
      /notify\.webhookUrl: expected an address such/,
    ],
    ['no program', 'notify: {command: ["", x]}', /notify\.command: expected a program/],
    ['a command line', 'notify: {command: siren --loud}', /notify\.command: expected array/],
    ['what is not told', 'notify: {also: [alarm, fire]}', /notify\.also\.0: expected one of "escalation"/],
    ['half a client certificate', 'mqtt: {url: "mqtts://x", certFile: y}', /mqtt\.keyFile/],
    ['TLS files without TLS', 'mqtt: {caFile: y}', /mqtt\.caFile: expected an address of mqtts/],
    ['an address that is none', 'mqtt: {url: broker}', /mqtt\.url: expected an address such as/],
    ['an id that is no id', 'device: {id: "Bad Room"}', /device\.id: expected lower-case/],
    ['a value where a section belongs', 'mqtt: 5', /mqtt: expected object, found 5/],
    ['text that is not YAML', 'mqtt: {', /is not YAML/],
    ['a tag that means nothing here', 'mqtt: {password: !secret pw}', /is not YAML: Unresolved tag: !secret/],
    ['a set', 'mqtt: !!set {a, b}', /is not YAML: "mqtt" is neither/],
    ['a time', '%YAML 1.1\n---\nmqtt: {url: 2001-01-01}', /is not YAML: "url" is neither/],
    ['a section as a key', '? {a: b}\n: 1', /is not YAML: .*keys must be strings/],
    ['a section within itself', 'mqtt: &a {url: *a}', /is not YAML: .*circular/],
    ['brackets without an end', '['.repeat(50_000), /is not YAML: more than 30 levels/],
    ['lists in lists', '- '.repeat(40_000), /is not YAML: more than 30 levels/],
    ['sections as keys', '? '.repeat(40_000), /is not YAML: more than 30 levels/],
    ['a file that is no configuration', 'a'.repeat(100_001), /has 100001 characters, 100000 are the limit/],
    ['a list', '- 1', /expected sections such as/],
    ['Latin-1', Buffer.from('device: {name: K\xfcche}', 'latin1'), /is not UTF-8/],
    ['UTF-16', Buffer.from('\ufeffmqtt: {prefix: home}', 'utf16le'), /is not UTF-8/],
    [
      'a list with a number in it',
      'notify: {command: [siren, 5]}',
      /notify\.command\.1: .* string in quotes, found 5/,
    ],
    [
      'a password of digits',
      'mqtt: {password: 1234}',
      /mqtt\.password: expected string in quotes, found something else/,
    ],
    [
      'quiet hours without an end',
      'quietHours: {from: "7:00", to: "07:00", threshold: 0.9}',
      /quietHours\.to: expected another time/,
    ],
    [
      'a prefix that no topic has room for',
      `mqtt: {prefix: ${'a'.repeat(300)}}`,
      /mqtt\.prefix: expected string to have <=200/,
    ],
    [
      'a time longer than timers reach',
      'input: {noDataTimeoutSeconds: 9999999}',
      /noDataTimeoutSeconds: expected number to be <=86400/,
    ],
  ])('refuses %s', (_, file: string | Uint8Array, message) => {
    const error = errorOf({ file });
    expect(error.code).toBe(ExitCode.config);
    expect(error.message).toMatch(message);
  });

  it('refuses a file that is not there when it was named', () => {
    const named = () => loadConfig({ file: join(cwd, 'none.yaml'), env: {}, flags: {}, cwd });
    expect(named).toThrow(/none\.yaml cannot be read/);
    expect(() => loadConfig({ env: { BATHNET_CONFIG: join(cwd, 'x.yaml') }, flags: {}, cwd })).toThrow(
      /x\.yaml/,
    );
  });

  it('takes the password from a file, without its line break', () => {
    writeFileSync(join(cwd, 'secret'), 'pass word\n');
    const { mqtt } = load({
      env: { BATHNET_MQTT__USERNAME: 'u', BATHNET_MQTT__PASSWORD_FILE: join(cwd, 'secret') },
    });
    expect(mqtt.password).toBe('pass word');
    writeFileSync(join(cwd, 'secret'), '\ufeffpass word\r\n'); // as Windows writes it
    const { web } = load({ file: `web: {passwordFile: ${join(cwd, 'secret')}}` });
    expect(web.password).toBe('pass word');
    expect(errorOf({ file: 'mqtt: {username: u, passwordFile: /none}' }).message).toMatch(
      /mqtt\.passwordFile: \/none/,
    );
  });

  it('calls a file that cannot be read no mistake: a disk may be mounted late, and the next start finds it', () => {
    mkdirSync(join(cwd, 'folder'));
    const of = (file: string) => {
      try {
        return loadConfig({ file: join(cwd, file), env: {}, flags: {}, cwd });
      } catch (error) {
        return error;
      }
    };
    const notRead = expect.objectContaining({ code: ExitCode.noInput });
    expect(of('none.yaml')).toEqual(notRead);
    expect(of('folder')).toEqual(notRead);
    expect(errorOf({ file: 'mqtt: {username: u, passwordFile: /none}' })).toEqual(notRead);
    expect(errorOf({ file: 'notify: {ntfyUrlFile: /none}' })).toEqual(notRead);
    mkdirSync(join(cwd, '.env'));
    writeFileSync(join(cwd, 'some.yaml'), '');
    expect(of('some.yaml')).toEqual(notRead);
  });

  it('takes no page’s password out of a file that is empty or too short, nor opens it to the network without one', () => {
    const secret = join(cwd, 'secret');
    for (const text of ['', '\n', 'short\n']) {
      writeFileSync(secret, text);
      const refused = errorOf({ file: `web: {enabled: true, host: 0.0.0.0, passwordFile: ${secret}}` });
      expect(refused.message).toMatch(/^web\.passwordFile/);
      expect(refused.message).not.toContain('short\n');
    }
    writeFileSync(secret, 'long enough\n');
    expect(load({ file: `web: {enabled: true, passwordFile: ${secret}}` }).web.password).toBe('long enough');
    expect(errorOf({ file: 'web: {enabled: true, host: 0.0.0.0}' }).message).toMatch(/web\.password/);
  });

  it('takes addresses and tokens of notify out of files, and nothing that is none', () => {
    const secret = join(cwd, 'secret');
    writeFileSync(secret, 'https://ntfy.example/topic\n');
    const { notify } = load({ file: `notify: {ntfyUrlFile: ${secret}}` });
    expect(notify).toMatchObject({
      ntfyUrl: 'https://ntfy.example/topic',
      also: expect.arrayContaining(['deaf']),
    });
    for (const text of ['', 'two words', 'hidden\nlines']) {
      writeFileSync(secret, text);
      for (const key of ['ntfyUrl', 'webhookToken']) {
        const url = key === 'webhookToken' ? 'webhookUrl: "https://x/", ' : '';
        const { message } = errorOf({ file: `notify: {${url}${key}File: ${secret}}` });
        expect(message).toMatch(new RegExp(`^notify\\.${key}File: what it holds is not what belongs there`));
        expect(message).not.toMatch(/hidden|two/);
      }
    }
  });

  it('never shows a secret in an error', () => {
    const message = [
      errorOf({ file: 'mqtt: {username: u, password: [hush1]}' }).message,
      errorOf({ file: 'mqtt: {url: "http://user:hush2@host"}' }).message,
      errorOf({ file: 'notify: {ntfyUrl: "hush3", webhookUrl: "ftp://hush4", ntfyToken: "hush 5"}' }).message,
      errorOf({ file: 'notify: [{ntfyUrl: "hush6", webhookToken: hush7}]' }).message,
    ].join();
    expect(message).toMatch(/mqtt\.password/);
    expect(message).not.toMatch(/hush/);
  });
});

describe('config/default.yaml', () => {
  const text = readFileSync(new URL('../../config/default.yaml', import.meta.url), 'utf8');

  it('is what the schema generates', () => {
    expect(text).toBe(defaultYaml());
    expect(readFileSync(new URL('../../config/schema.json', import.meta.url), 'utf8')).toBe(
      configJsonSchema(),
    );
  });

  it('is the default configuration', () => {
    expect(load({ file: text })).toEqual(load());
  });
});

describe('errors', () => {
  it.each([
    'tcp://user:se/cret@broker',
    'mqtt://user:1/cret@broker',
    'mqtt://user:s?cret@broker',
    'mqtt://user:s#cret@broker',
    'http://user:"cret@broker',
    'user://a@b:cret@broker',
    'user:cret@broker',
    'mqtt:/user:cret@broker',
  ])('show nothing of a password in an address: %s', (url) => {
    const { message } = errorOf({ flags: { 'mqtt.url': url } });
    expect(message).toMatch(
      /mqtt\.url: expected an address .*, found "(\w+:\/\/)?\*\*\*@broker" \(from the command line\)/,
    );
    expect(message).not.toContain('cret');
    expect(errorOf({ file: JSON.stringify({ mqtt: [{ url, password: 'cret' }] }) }).message).not.toContain(
      'cret',
    );
  });

  it('show nothing of a file that is no YAML but the place', () => {
    const { message } = errorOf({ file: 'mqtt:\n  password: "se" cret\n' });
    expect(message).toMatch(/is not YAML: .* at line 2, column \d+$/);
    expect(message).not.toContain('cret');
  });

  it('call a key unknown that would change all objects', () => {
    for (const path of ['__proto__.x', 'mqtt.__proto__.x', 'constructor.prototype.x', '__proto__'])
      expect(errorOf({ flags: { [path]: '1' } }).message).toContain('unknown key');
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it.each([
    ['bathnet/', 'neither begins nor ends with /'],
    ['/bathnet', 'neither begins nor ends with /'],
    ['bath//net', 'nor has // in it'],
    ['bath/#', 'without wildcards'],
    ['homeassistant/', 'expected a word without /', 'discovery'],
  ])('say what is wrong with a prefix: %s', (prefix, reason, section = 'mqtt') => {
    const { message } = errorOf({ flags: { [`${section}.prefix`]: prefix } });
    expect(message).toContain(reason);
    expect(message).toContain(`found ${JSON.stringify(prefix)}`);
  });
});
