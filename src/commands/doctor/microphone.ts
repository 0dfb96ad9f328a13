import { DEFAULT_ALARM_RULE } from '../../alarm/rule.js';
import { listDevices } from '../../audio/devices.js';
import { describeFault, type Measures, MOST_MIXING_LOSS_DB, usualLayout } from '../../audio/faults.js';
import { signsOf } from '../../audio/microphone-watch.js';
import { RateWatch } from '../../audio/rate-watch.js';
import { createSource } from '../../audio/source.js';
import type { Config } from '../../config/schema.js';
import { SAMPLE_RATE_HZ } from '../../constants.js';
import { ExitCode, UserError } from '../../errors.js';
import { levelOf } from '../../features/level.js';
import { concatenated } from '../../model/concatenated.js';
import { systemClock } from '../../system/clock.js';
import type { Logger, Mixing, Source } from '../../types.js';
import type { Finding } from './checks.js';

const LISTEN_SECONDS = 4;
/** More cannot be from a microphone. */
const MOST_SOUND_SECONDS = 30;
/** What a few seconds can tell; the daemon takes longer and is stricter. */
const RATE_TOLERANCE = 0.07;

/**
 * Opens the input as the daemon would and listens for a moment.
 *
 * @returns also what was heard, where it is sound
 */
export async function checkInput(
  config: Config,
  log: Logger,
): Promise<Finding & { readonly sound?: Float32Array<ArrayBuffer> }> {
  const { input } = config;
  const source = createSource(input, log, systemClock);
  const { sound, ratio, mixing } = await hear(source, input.firstSoundTimeoutSeconds);
  const device =
    input.source === 'portaudio' && input.device === 'default'
      ? ` (${(await listDevices(log)).find(({ isDefault }) => isDefault)?.name ?? 'unknown'})`
      : '';
  const name = `${source.description}${device}`;
  if (sound.length === 0)
    throw new UserError(
      ExitCode.noInput,
      `no sound comes from ${name} within ${input.firstSoundTimeoutSeconds} s`,
      'Check that it is plugged in and free (arecord -l, pactl list sources short), or choose another: bathnet2mqtt devices',
    );
  const [sign] = signsOf(sound);
  const fault =
    // An inverted channel leaves nothing, and that is not the microphone's silence.
    ((mixing?.lossDb ?? 0) >= MOST_MIXING_LOSS_DB ? 'channels_cancel' : sign) ??
    (Math.abs(ratio - 1) > RATE_TOLERANCE && hasRate(ratio, input) ? 'wrong_sample_rate' : undefined);
  if (fault) {
    const { text, hint } = describeFault(fault, input, { ratio, mixing });
    return { text: `${name} ${text}`, hint };
  }
  const { rmsDbfs, peakDbfs } = levelOf(sound);
  const minLevelDbfs = config.alarm.minLevelDbfs ?? DEFAULT_ALARM_RULE.minLevelDbfs;
  const text = `${name}, level ${rmsDbfs.toFixed(1)} dBFS RMS, peak ${peakDbfs.toFixed(1)} dBFS`;
  if (peakDbfs > -0.1) return { text, sound, hint: 'It clips: lower its gain (alsamixer, F4).' };
  return peakDbfs < minLevelDbfs
    ? {
        text: `${text}: quieter than anything that alarms (${minLevelDbfs} dBFS)`,
        sound,
        hint: 'Speak or clap while doctor listens; where that is no louder, raise its gain (alsamixer, F4).',
      }
    : { text, sound };
}

/** A file comes as fast as it is read, and so it may behind stdin; but a rate that programs write is one there. */
function hasRate(ratio: number, input: Config['input']): boolean {
  if (input.source === 'stdin') return usualLayout(ratio, input) !== undefined;
  return input.source !== 'file';
}

/**
 * @param firstSeconds how long it may take to the first sound
 * @returns what was heard, and the delivered over the declared rate
 */
async function hear(
  source: Source,
  firstSeconds: number,
): Promise<Measures & { sound: Float32Array<ArrayBuffer>; ratio: number }> {
  const heard: Float32Array[] = [];
  const rate = new RateWatch();
  let samples = 0;
  let firstMs: number | undefined;
  let mixing: Mixing | undefined;
  const enough = new AbortController();
  const timer = setTimeout(() => enough.abort(), (firstSeconds + LISTEN_SECONDS) * 1000);
  try {
    for await (const chunk of source.chunks(enough.signal)) {
      const nowMs = performance.now();
      firstMs ??= nowMs;
      rate.push(chunk.samples.length, nowMs);
      mixing = chunk.mixing ?? mixing;
      heard.push(chunk.samples.slice());
      samples += chunk.samples.length;
      if (nowMs - firstMs >= LISTEN_SECONDS * 1000 || samples >= MOST_SOUND_SECONDS * SAMPLE_RATE_HZ) break;
    }
  } finally {
    clearTimeout(timer);
    enough.abort();
  }
  return { sound: concatenated(heard), ratio: rate.wrong ?? rate.ratio ?? 1, mixing };
}
