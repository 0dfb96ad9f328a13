import type { Clock, InputFault, Logger, Mixing, PcmChunk, Source } from '../types.js';
import { describeFault, MOST_MIXING_LOSS_DB } from './faults.js';
import { Input, type InputHandlers, type InputOptions } from './input.js';
import { LostSound } from './lost-sound.js';
import { MicrophoneWatch } from './microphone-watch.js';
import { PipeWatch } from './pipe-watch.js';
import { RateWatch } from './rate-watch.js';
import type { SourceOptions } from './source.js';
import type { UsualQuiet } from './usual-quiet.js';

/** So many measurements in a row, of 2 s each, tell how channels mix. */
export const LOSSY_MEASURES = 10;

export interface WatchedInputOptions
  extends InputOptions,
    Pick<SourceOptions, 'source' | 'format' | 'sampleRateHz' | 'channels'> {}

export interface WatchedInputHandlers extends InputHandlers {
  /** What is wrong with the sound that arrives, whenever that changes; nothing at first. */
  onFaults(faults: readonly InputFault[]): void;
  /** Sound was lost before it arrived, although the source was there. */
  onLost?(seconds: number): void;
}

/**
 * A source that is watched over, and whether what arrives from it is sound, as fast as it should. A file is not
 * watched: what is in it is meant to be.
 *
 * @param usual what is quiet for this microphone; without it, it is learned
 */
export function watchedInput(
  source: Source,
  options: WatchedInputOptions,
  handlers: WatchedInputHandlers,
  clock: Clock,
  log: Logger,
  usual?: UsualQuiet,
): Input {
  if (options.source === 'file') return new Input(source, options, handlers, clock, log);
  // Of 8 bits, a quiet room is a constant. A microphone has none, whatever format is declared for raw sound.
  const isCoarse = options.format === 'u8' && options.source !== 'portaudio';
  const microphone = isCoarse ? undefined : new MicrophoneWatch(usual);
  const pipe = source.live ? undefined : new PipeWatch(options);
  const rate = pipe ?? new RateWatch();
  const lost = new LostSound();
  let mixing: Mixing | undefined;
  let lossy = 0;
  let faults: readonly InputFault[] = [];
  let saidBroken = false;

  const look = () => {
    const now: InputFault[] = [];
    if (microphone?.fault) now.push(microphone.fault);
    if (rate.wrong !== undefined) now.push('wrong_sample_rate');
    if (lossy >= LOSSY_MEASURES) now.push('channels_cancel');
    if (String(now) === String(faults)) return;
    for (const fault of now.filter((each) => !faults.includes(each))) {
      const { text, hint } = describeFault(fault, options, { ratio: rate.wrong, mixing });
      log.warn({ problem: fault, hint }, `${source.description} ${text}`);
    }
    if (now.length === 0) log.info({ problems: faults }, `${source.description} can be heard again`);
    faults = now;
    handlers.onFaults(now);
  };
  const watched = {
    ...handlers,
    onChunk(chunk: PcmChunk) {
      microphone?.push(chunk.samples);
      rate.push(chunk.samples.length, clock.now());
      const lostSeconds = lost.push(chunk.samples.length, clock.now());
      const mayLose = (pipe?.isLive ?? true) && rate.wrong === undefined;
      if (lostSeconds > 0 && mayLose) handlers.onLost?.(lostSeconds);
      if (chunk.mixing) {
        mixing = chunk.mixing;
        lossy = mixing.lossDb >= MOST_MIXING_LOSS_DB ? lossy + 1 : 0;
      }
      if (chunk.broken && !saidBroken) {
        log.warn(
          { values: chunk.broken, hint: 'See that input.format is what the source writes.' },
          `${source.description} gives samples that are no sound: silence or full scale takes their place`,
        );
        saidBroken = true;
      }
      look();
      const handled = handlers.onChunk(chunk);
      return pipe ? Promise.resolve(handled).then(() => pipe.ask(clock.now())) : handled;
    },
    onOnline(gapSeconds: number) {
      rate.restart();
      lost.restart();
      // What mixes channels may have none when it is opened again, and then measures nothing.
      lossy = 0;
      look();
      handlers.onOnline(gapSeconds);
    },
  };
  return new Input(source, options, watched, clock, log);
}
