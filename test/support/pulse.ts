import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const PULSE_PROGRAMS = ['pulseaudio', 'paplay', 'parec'];

/**
 * A sound server of one's own with a microphone that hears what is played: a null sink whose monitor is the
 * default source, paced in real time, reached through ALSA as on a desktop.
 */
export interface Pulse {
  /** For processes that shall hear this microphone. */
  readonly env: Record<string, string>;
  /**
   * Plays a file to its end.
   *
   * @param aheadSeconds so much is handed over before it sounds: then a player that gets no time leaves no hole
   */
  play(path: string, aheadSeconds?: number): Promise<void>;
  /** Ends the server without warning. */
  kill(): Promise<void>;
  /** Starts it again after `kill`. */
  start(): Promise<void>;
  /** It keeps its connections and neither plays nor records. */
  pause(): void;
  resume(): void;
  /** Ends the server and removes its folder. */
  close(): Promise<void>;
}

/** Starts the server; `lacksPrograms(...PULSE_PROGRAMS)` says whether it can be. */
export async function startPulse(): Promise<Pulse> {
  const folder = await mkdtemp(join(tmpdir(), 'bathnet-pulse-'));
  const socket = join(folder, 'native');
  const script = join(folder, 'pulse.pa');
  const alsa = join(folder, 'asound.conf');
  await Promise.all(['run', 'home'].map((name) => mkdir(join(folder, name), { mode: 0o700 })));
  await writeFile(
    script,
    `load-module module-native-protocol-unix socket=${socket} auth-anonymous=1
load-module module-null-sink sink_name=testsink rate=16000 channels=1 format=s16le
set-default-sink testsink
set-default-source testsink.monitor
`,
  );
  await writeFile(
    alsa,
    ['pcm', 'ctl']
      .map(
        (kind) => `${kind}_type.pulse { lib "${alsaPlugin(kind)}" }
${kind}.!default { type pulse server "unix:${socket}" }
`,
      )
      .join(''),
  );
  const env = {
    PULSE_SERVER: `unix:${socket}`,
    ALSA_CONFIG_PATH: alsa,
    // Else clients leave a folder in /tmp and a cookie in the home folder.
    PULSE_RUNTIME_PATH: join(folder, 'run'),
    PULSE_COOKIE: join(folder, 'cookie'),
  };
  let server: ChildProcess | undefined;

  const pulse: Pulse = {
    env,
    async start() {
      await rm(socket, { force: true });
      const args = [
        '-n',
        '--daemonize=no',
        '--use-pid-file=no',
        '--exit-idle-time=-1',
        '--disallow-exit',
        '-F',
        script,
      ];
      server = spawn('pulseaudio', args, {
        env: { ...process.env, XDG_RUNTIME_DIR: join(folder, 'run'), HOME: join(folder, 'home') },
        stdio: 'ignore',
      });
      for (let i = 0; i < 100 && !existsSync(socket); i++) await sleep(50);
      if (!existsSync(socket)) throw new Error('pulseaudio does not start');
    },
    async play(path, aheadSeconds) {
      const ahead = aheadSeconds === undefined ? [] : [`--latency-msec=${Math.ceil(1000 * aheadSeconds)}`];
      const player = spawn('paplay', ['--device=testsink', ...ahead, path], {
        env: { ...process.env, ...env },
        stdio: 'ignore',
      });
      const [code] = await once(player, 'exit');
      if (code !== 0) throw new Error(`paplay ended with ${code}`);
    },
    async kill() {
      if (!server || server.exitCode !== null || server.signalCode !== null) return;
      const exit = once(server, 'exit');
      server.kill('SIGKILL');
      await exit;
    },
    pause: () => server?.kill('SIGSTOP'),
    resume: () => server?.kill('SIGCONT'),
    async close() {
      await pulse.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await pulse.start();
  return pulse;
}

/** ALSA's plug-in for PulseAudio, in this machine's library folder (`/usr/lib/x86_64-linux-gnu`, `/usr/lib64`). */
function alsaPlugin(kind: string): string {
  const name = `libasound_module_${kind}_pulse.so`;
  const listed = execFileSync('sh', [
    '-c',
    `ls /usr/lib/*/alsa-lib/${name} /usr/lib*/alsa-lib/${name} 2>/dev/null || true`,
  ]);
  const path = listed.toString().split('\n')[0];
  if (!path) throw new Error(`${name} is missing: apt-get install libasound2-plugins`);
  return path;
}
