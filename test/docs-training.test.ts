import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../src/training/random.js';
import { gameSound, writeGameSounds } from './support/game-sounds.js';
import { Mosquitto, until } from './support/mosquitto.js';
import { lacksPrograms } from './support/require.js';
import { concatenate, writeWav } from './support/sound.js';

const DOCUMENT = fileURLToPath(new URL('../docs/training.md', import.meta.url));
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** The commands of the document and what it says they print, in their order. */
function steps(): { command: string; expected: string[] }[] {
  const blocks = [...readFileSync(DOCUMENT, 'utf8').matchAll(/^```(\w*)\n(.*?)^```$/gms)];
  const found: { command: string; expected: string[] }[] = [];
  for (const [, kind, text = ''] of blocks) {
    const lines = text.trimEnd().split('\n');
    if (kind === 'sh') for (const command of lines) found.push({ command, expected: [] });
    else if (kind === 'text') found.at(-1)?.expected.push(...lines);
  }
  return found;
}

/** Numbers may differ and … stands for anything; the rest must be there, spaces aside. */
function pattern(line: string): RegExp {
  const parts = line.trim().split(/(…|-?\d+(?:\.\d+)?|\s+)/);
  const source = parts.map((part) => {
    if (part === '…') return '.*';
    if (/^\s+$/.test(part)) return '\\s+';
    if (/^-?\d/.test(part)) return '-?\\d+(\\.\\d+)?';
    return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^\\s*${source.join('')}\\s*$`);
}

/** Every expected line must come, in this order; others may lie between. */
function expectLines(output: string, expected: readonly string[]): void {
  const lines = output.split('\n');
  let at = 0;
  for (const line of expected) {
    if (line.trim() === '…') continue;
    const wanted = pattern(line);
    const found = lines.findIndex((each, i) => i >= at && wanted.test(each));
    expect(found, `"${line}" is not in:\n${lines.slice(at).join('\n')}`).toBeGreaterThanOrEqual(0);
    at = found + 1;
  }
}

const skip = lacksPrograms('mosquitto', 'mosquitto_sub', 'sh', 'stdbuf');
describe.skipIf(skip)('docs/training.md', () => {
  let dir: string;
  let broker: Mosquitto;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'bathnet-docs-'));
    broker = await Mosquitto.start();
    await writeGameSounds(join(dir, 'sounds'), 7);
    mkdirSync(join(dir, 'bin'));
    writeFileSync(join(dir, 'bin', 'bathnet2mqtt'), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
    chmodSync(join(dir, 'bin', 'bathnet2mqtt'), 0o755);
    // What the microphone hears.
    const random = createRandom(5);
    const heard = [...'bbbbgggbbbbbbbb'].map((each) =>
      gameSound(each === 'g' ? 'game_over' : 'background', random),
    );
    await writeWav(join(dir, 'microphone.wav'), [concatenate(heard)]);
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await broker?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Runs a command line in the folder of the newcomer, on the broker and the microphone of this test. */
  function start(command: string) {
    const here = command
      .replaceAll('mqtt://192.168.1.10:1883', broker.url)
      .replaceAll(
        'mosquitto_sub -h 192.168.1.10',
        `exec stdbuf -oL mosquitto_sub -h 127.0.0.1 -p ${broker.port}`,
      );
    const child = spawn('sh', ['-c', here], {
      cwd: dir,
      env: {
        PATH: `${join(dir, 'bin')}:${process.env.PATH}`,
        BATHNET_STATE_DIR: join(dir, 'state'),
        BATHNET_INPUT__SOURCE: 'file',
        BATHNET_INPUT__FILE: join(dir, 'microphone.wav'),
        BATHNET_INPUT__SPEED: '3',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    const running = { output: '', ended: once(child, 'close').then(([code]) => code as number | null) };
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        running.output += data;
      });
    return running;
  }

  it('leads to a running alarm in ten commands or fewer', () => {
    const commands = steps().map(({ command }) => command);
    const run = commands.findIndex((command) => command.startsWith('bathnet2mqtt run '));
    expect(run).toBeGreaterThan(0);
    expect(commands.length).toBeLessThanOrEqual(10);
  });

  it('says what every command prints', { timeout: 300_000 }, async () => {
    let watching: { running: ReturnType<typeof start>; expected: string[] } | undefined;
    for (const { command, expected } of steps()) {
      const running = start(command);
      if (command.startsWith('mosquitto_sub')) {
        watching = { running, expected };
        continue; // it goes on until it is stopped
      }
      const [daemonSays, watcherSays] = splitExpected(command, expected);
      expect(await running.ended, `${command}\n${running.output}`).toBe(0);
      expectLines(running.output, daemonSays);
      if (watcherSays.length === 0) continue;
      const { running: watcher } = watching as NonNullable<typeof watching>;
      await until(
        () => watcher.output.includes('alarm_ended'),
        () => `mosquitto_sub saw only:\n${watcher.output}`,
      );
      expectLines(watcher.output, watcherSays);
    }
  });
});

/** What follows `run` in the document is what the daemon says, and then what the broker's watcher sees. */
function splitExpected(command: string, expected: readonly string[]): [string[], string[]] {
  if (!command.startsWith('bathnet2mqtt run')) return [[...expected], []];
  const isMessage = (line: string) => line.startsWith('bathnet/');
  return [expected.filter((line) => !isMessage(line)), expected.filter(isMessage)];
}
