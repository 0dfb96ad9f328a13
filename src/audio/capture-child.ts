/**
 * The process that talks to PortAudio, through naudiodon. It is thrown away after every use, and with it what
 * they leave behind: leaks after a failed open, streams that fall silent for ever, native crashes, prints to stdout.
 *
 *     capture-child.js list
 *     capture-child.js capture DEVICE [RATE CHANNELS]    (without a rate, or with `own`: the device's own)
 *
 * Its one reply goes over IPC, the sound (s16le) over file descriptor 4. It ends when its parent does.
 * It imports little: its memory counts.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { ExitCode, messageOf, nativeFailure, UserError } from '../errors.js';
import { chooseDevice, type InputDevice } from './choose-device.js';

export type CaptureReply =
  | { type: 'devices'; devices: InputDevice[] }
  | { type: 'capturing'; device: string; sampleRateHz: number; channels: number }
  /** The device does not open like this. */
  | { type: 'refused'; device: string; reason: string }
  /** naudiodon is not installed or does not load. */
  | { type: 'missing'; reason: string; installed: boolean }
  /** A UserError of the child's. */
  | { type: 'failed'; code: ExitCode; message: string; hint: string };

/** File descriptor of the pipe for sound. */
const SOUND_FD = 4;

/** The part of naudiodon that is used. An optional package: its own types may not be there. */
interface Naudiodon {
  readonly SampleFormat16Bit: number;
  getDevices(): ReadonlyArray<{
    id: number;
    name: string;
    maxInputChannels: number;
    defaultSampleRate: number;
    hostAPIName: string;
  }>;
  getHostAPIs(): { defaultHostAPI: number; HostAPIs: ReadonlyArray<{ id: number; defaultInput: number }> };
  AudioIO(options: { inOptions: Record<string, number> }): Readable & { start(): void };
}

// No exit(): it waits for naudiodon's reading thread, for ever where no sound arrives.
const die = () => process.kill(process.pid, 'SIGKILL');
process.on('disconnect', die);
const [mode, wanted, rate, channels] = process.argv.slice(2);
try {
  const naudiodon = load();
  if (naudiodon && mode === 'list') reply({ type: 'devices', devices: inputDevices(naudiodon) });
  if (naudiodon && mode === 'capture') capture(naudiodon);
} catch (error) {
  const { code, message, hint } =
    error instanceof UserError
      ? error
      : new UserError(
          ExitCode.unavailable,
          `PortAudio does not work: ${messageOf(error)}`,
          'See that the sound server answers (arecord -l, pactl info), or use another source.',
        );
  reply({ type: 'failed', code, message, hint });
}

function capture(naudiodon: Naudiodon): void {
  const device = chooseDevice(inputDevices(naudiodon), wanted, alsaCards());
  const sampleRateHz = rate === undefined || rate === 'own' ? device.defaultSampleRateHz : Number(rate);
  const channelCount = Number(channels ?? Math.min(device.channels, 2));
  try {
    const input = naudiodon.AudioIO({
      inOptions: {
        deviceId: device.index,
        sampleRate: sampleRateHz,
        channelCount,
        sampleFormat: naudiodon.SampleFormat16Bit,
        framesPerBuffer: Math.round(sampleRateHz / 50),
        highwaterMark: Math.round(sampleRateHz / 10) * channelCount * 2,
      },
    });
    input.once('close', die);
    input.start();
    reply({ type: 'capturing', device: device.name, sampleRateHz, channels: channelCount });
    input.pipe(new Socket({ fd: SOUND_FD, readable: false, writable: true })).once('error', die);
  } catch (error) {
    reply({ type: 'refused', device: device.name, reason: messageOf(error) });
  }
}

function load(): Naudiodon | undefined {
  try {
    return createRequire(import.meta.url)('naudiodon') as Naudiodon;
  } catch (error) {
    reply({ type: 'missing', ...nativeFailure(error) });
    return undefined;
  }
}

function inputDevices({ getDevices, getHostAPIs }: Naudiodon): InputDevice[] {
  const { defaultHostAPI, HostAPIs } = getHostAPIs();
  const standard = HostAPIs.find(({ id }) => id === defaultHostAPI)?.defaultInput;
  return getDevices()
    .filter(({ maxInputChannels }) => maxInputChannels > 0)
    .map(({ id, name, hostAPIName, maxInputChannels, defaultSampleRate }) => ({
      index: id,
      name,
      hostApi: hostAPIName,
      channels: maxInputChannels,
      defaultSampleRateHz: Math.round(defaultSampleRate),
      isDefault: id === standard,
    }));
}

function alsaCards(): string {
  try {
    return readFileSync('/proc/asound/cards', 'utf8');
  } catch {
    return '';
  }
}

function reply(message: CaptureReply): void {
  process.send?.(message);
}
