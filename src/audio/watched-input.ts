import type { Clock, InputFault, Logger, PcmChunk, Source } from '../types.js';
import { FAULT_TEXTS } from './faults.js';
import { Input, type InputHandlers, type InputOptions } from './input.js';
import { MicrophoneWatch } from './microphone-watch.js';
import type { SourceOptions } from './source.js';

export interface WatchedInputOptions extends InputOptions, Pick<SourceOptions, 'source' | 'format'> {}

export interface WatchedInputHandlers extends InputHandlers {
  /** What is wrong with the sound that arrives, whenever that changes; nothing at first. */
  onFaults(faults: readonly InputFault[]): void;
}

/**
 * A source that is watched over, and whether what arrives from it is sound. A file is not watched: what is
 * in it is meant to be.
 */
export function watchedInput(
  source: Source,
  options: WatchedInputOptions,
  handlers: WatchedInputHandlers,
  clock: Clock,
  log: Logger,
): Input {
  if (options.source === 'file') return new Input(source, options, handlers, clock, log);
  // Of 8 bits, a quiet room is a constant.
  const microphone = options.format === 'u8' ? undefined : new MicrophoneWatch();
  let faults: readonly InputFault[] = [];

  const look = () => {
    const now: InputFault[] = microphone?.fault ? [microphone.fault] : [];
    if (String(now) === String(faults)) return;
    for (const fault of now)
      if (!faults.includes(fault))
        log.warn(
          { problem: fault, hint: FAULT_TEXTS[fault].hint },
          `${source.description} ${FAULT_TEXTS[fault].text}`,
        );
    if (now.length === 0) log.info({ problems: faults }, `${source.description} can be heard again`);
    faults = now;
    handlers.onFaults(now);
  };
  const watched = {
    ...handlers,
    onChunk(chunk: PcmChunk) {
      microphone?.push(chunk.samples);
      look();
      return handlers.onChunk(chunk);
    },
  };
  return new Input(source, options, watched, clock, log);
}
