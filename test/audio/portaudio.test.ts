import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { forkCapture, replyOf } from '../../src/audio/capture.js';
import { CommandSource } from '../../src/audio/command.js';
import { listDevices } from '../../src/audio/devices.js';
import { Input } from '../../src/audio/input.js';
import { PortAudioSource } from '../../src/audio/portaudio.js';
import { ExitCode } from '../../src/errors.js';
import { endGroup } from '../../src/system/child.js';
import { hasEnded } from '../../src/system/child-end.js';
import { systemClock } from '../../src/system/clock.js';
import type { Logger, Source } from '../../src/types.js';
import { PULSE_PROGRAMS, type Pulse, startPulse } from '../support/pulse.js';
import { lacksNaudiodon, lacksPrograms } from '../support/require.js';
import { bestCorrelation, chirp, concatenate, silentLog, writeWav } from '../support/sound.js';

const noNaudiodon = lacksNaudiodon();
const skipped = lacksPrograms(...PULSE_PROGRAMS);

/** Begins with silence, because a sound server may swallow the first hundredths of a second. */
const sound = concatenate([new Float32Array(4800), chirp(300, 6000, 2)]);
let folder: string;
let clip: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'capture-'));
  clip = await writeWav(join(folder, 'clip.wav'), [sound]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What an input hears, until it is stopped. */
function listen(source: Source, log = silentLog) {
  const parts: Float32Array[] = [];
  const seen: string[] = [];
  const input = new Input(
    source,
    { noDataTimeoutSeconds: 4, firstSoundTimeoutSeconds: 20, backoffMinSeconds: 0.2, backoffMaxSeconds: 1 },
    {
      onChunk: ({ samples }) => void parts.push(samples),
      onOnline: () => seen.push('online'),
      onOffline: () => seen.push('offline'),
    },
    systemClock,
    log,
  );
  input.start();
  /** Plays it, and again where the sound server of a busy machine has dropped some of it. */
  const hears = async (samples: Float32Array, play: () => Promise<void>) => {
    for (let tries = 4; ; tries--) {
      parts.length = 0;
      await play();
      const heard = () => bestCorrelation(concatenate(parts), samples).correlation;
      try {
        return await vi.waitFor(() => expect(heard()).toBeGreaterThanOrEqual(0.99), { timeout: 5000 });
      } catch (error) {
        if (tries === 1) throw error;
      }
    }
  };
  const until = (...events: string[]) => vi.waitFor(() => expect(seen).toEqual(events), { timeout: 30_000 });
  return { input, parts, until, hears };
}

describe.skipIf(skipped)('capture through a sound server', () => {
  let pulse: Pulse;
  beforeAll(async () => {
    pulse = await startPulse();
    Object.assign(process.env, pulse.env);
  });
  afterAll(async () => {
    await pulse.close();
    for (const name of Object.keys(pulse.env)) delete process.env[name];
  });

  it.skipIf(noNaudiodon)('lists the default device', async () => {
    expect(await listDevices(silentLog)).toContainEqual(
      expect.objectContaining({ name: 'default', hostApi: 'ALSA', isDefault: true }),
    );
  });

  it.skipIf(noNaudiodon)('says which devices there are instead of a missing one', async () => {
    const source = new PortAudioSource('No Such Microphone', silentLog, systemClock);
    await expect(source.chunks(new AbortController().signal).next()).rejects.toMatchObject({
      code: ExitCode.noInput,
      message: expect.stringContaining('0 "default"'),
    });
  });

  it.skipIf(noNaudiodon)(
    'hears a clip as it is, goes offline with the server and online again with it',
    async () => {
      const { log, pids } = noting();
      const { input, until, hears } = listen(new PortAudioSource('default', log, systemClock), log);
      await until('online');
      await hears(sound, () => pulse.play(clip));
      expect(memoryMiB(pids.at(-1)!) - bareNodeMiB()).toBeLessThan(25); // nothing of the daemon is loaded
      await pulse.kill();
      await until('online', 'offline');
      await pulse.start();
      await until('online', 'offline', 'online');
      await hears(sound, () => pulse.play(clip));
      await input.stop();
      expect(pids.length).toBeGreaterThan(1);
      for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    },
  );

  it.skipIf(noNaudiodon)('takes the own rate of a device that refuses 16 kHz', async () => {
    // PulseAudio takes every rate up to 192 kHz, so a higher one has to stand for the refused one.
    const { input, until, hears } = listen(
      new PortAudioSource('default', silentLog, systemClock, undefined, 400_000),
    );
    await until('online');
    await hears(sound, () => pulse.play(clip));
    await input.stop();
  });

  it.skipIf(noNaudiodon).each([
    ['while it hears something', false],
    ['while the sound server is dead', true],
  ])('ends the capture process when its parent is killed %s', async (_, deaf) => {
    const capture = new URL('../../dist/audio/capture.js', import.meta.url);
    const script = `const { forkCapture } = await import(${JSON.stringify(capture.href)});
      const log = { debug() {}, info() {}, warn() {}, error() {} };
      const child = forkCapture(['capture', 'default', '16000', '1'], log);
      child.stdio[4].once('data', () => console.log(child.pid)).resume();`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    if (deaf) await pulse.kill();
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(() => process.kill(Number(line.toString()), 0)).toThrow('ESRCH'), {
      timeout: 10_000,
    });
    if (deaf) await pulse.start();
  });

  it('hears a clip through a command, and comes back with the server', async () => {
    const command = 'parec --raw --format=s16le --rate=16000 --channels=1 --latency-msec=50';
    const layout = { format: 's16le', sampleRateHz: 16_000, channels: 1 } as const;
    const { input, until, hears } = listen(new CommandSource(command, layout, silentLog, systemClock));
    await until('online');
    await hears(sound, () => pulse.play(clip));
    await pulse.kill();
    await until('online', 'offline');
    await pulse.start();
    await until('online', 'offline', 'online');
    await input.stop();
  });
});

describe('the capture process', () => {
  it.skipIf(noNaudiodon).each([
    ['there is no microphone at all', 'pcm.broken { type hw card 99 }', ExitCode.noInput],
    ['PortAudio crashes, as it does of an empty configuration', '', ExitCode.unavailable],
  ])('says so where %s', async (_, configuration, code) => {
    const alsa = join(folder, 'asound.conf');
    await writeFile(alsa, configuration);
    const child = withEnv({ ALSA_CONFIG_PATH: alsa }, () => forkCapture(['capture', 'default'], silentLog));
    await expect(replyOf(child, AbortSignal.timeout(20_000))).rejects.toMatchObject({ code });
    await endGroup(child);
    expect(hasEnded(child)).toBe(true);
  });

  it('says how to get naudiodon where it is missing', async () => {
    // A folder with the compiled code alone has no packages beside it.
    const dist = join(folder, 'dist');
    await cp(new URL('../../dist', import.meta.url), dist, { recursive: true });
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const { listDevices: listWithout } = (await import(
      pathToFileURL(join(dist, 'audio', 'devices.js')).href
    )) as typeof import('../../src/audio/devices.js');
    await expect(listWithout(silentLog)).rejects.toMatchObject({
      code: ExitCode.unavailable,
      hint: expect.stringContaining('npm install naudiodon'),
    });
  });
});

/** A log that keeps the process ids of opened microphones. */
function noting(): { log: Logger; pids: number[] } {
  const pids: number[] = [];
  const info = (fields: object) => {
    if ('pid' in fields && typeof fields.pid === 'number') pids.push(fields.pid);
  };
  return { log: { ...silentLog, info }, pids };
}

function memoryMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

function bareNodeMiB(): number {
  const script = 'console.log(process.memoryUsage.rss() / 2 ** 20)';
  return Number(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }));
}

function withEnv<T>(env: Record<string, string>, run: () => T): T {
  const before = { ...process.env };
  Object.assign(process.env, env);
  try {
    return run();
  } finally {
    for (const name of Object.keys(env)) {
      delete process.env[name];
      if (before[name] !== undefined) process.env[name] = before[name];
    }
  }
}
