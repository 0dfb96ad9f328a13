import type { InputFault, MicrophoneFault, Mixing } from '../types.js';
import type { SourceOptions } from './source.js';

/** What is wrong, and what a person does about it. */
export interface FaultText {
  readonly text: string;
  readonly hint: string;
}

const UNMUTE = 'Unmute it and raise its gain: alsamixer (F4), pavucontrol.';

const MICROPHONE: Readonly<Record<MicrophoneFault, FaultText>> = {
  microphone_zero: { text: 'gives only digital silence', hint: UNMUTE },
  microphone_stuck: {
    text: 'gives one and the same value all the time',
    hint: 'Plug it in again; where that does not help, the microphone or its cable is broken.',
  },
  microphone_clipping: {
    text: 'clips: most of what it gives is full scale',
    hint: 'Lower its gain (alsamixer, F4); see that input.format is what the source writes.',
  },
  microphone_least_bit: { text: 'gives nothing above the least bit', hint: UNMUTE },
  microphone_muted: {
    text: 'has become much quieter than it has ever been here, and gives even noise only',
    hint: UNMUTE,
  },
};

type Layout = Pick<SourceOptions, 'source' | 'sampleRateHz' | 'channels'>;

/** What programs write, the likeliest first. */
const USUAL: readonly (readonly [rateHz: number, channels: number])[] = [
  ...[44_100, 48_000, 16_000].map((rateHz) => [rateHz, 2] as const),
  ...[44_100, 48_000, 8000, 16_000, 32_000, 22_050, 24_000, 96_000].map((rateHz) => [rateHz, 1] as const),
  ...[8000, 32_000, 96_000].map((rateHz) => [rateHz, 2] as const),
];
const ALIKE = 0.04;

/** What is known of some faults. */
export interface Measures {
  /** Delivered over declared rate. */
  readonly ratio?: number | undefined;
  readonly mixing?: Mixing | undefined;
}

/** Where mixing loses more, the channels work against each other, or most of them hear nothing. */
export const MOST_MIXING_LOSS_DB = 10;

/** A fault in words. */
export function describeFault(
  fault: InputFault,
  layout: Layout,
  { ratio = 1, mixing = { lossDb: 0, loudest: 1 } }: Measures = {},
): FaultText {
  if (fault === 'wrong_sample_rate') return wrongRate(ratio, layout);
  if (fault !== 'channels_cancel') return MICROPHONE[fault];
  return {
    text: `loses ${mixing.lossDb.toFixed(0)} dB of its channel ${mixing.loudest} where all are mixed`,
    hint: `Listen to that channel alone: --set input.channel=${mixing.loudest}`,
  };
}

/**
 * The rate and the channels that a program likely writes, where so many samples come of a declared one.
 *
 * @param ratio delivered over declared
 */
export function usualLayout(
  ratio: number,
  { sampleRateHz, channels }: Omit<Layout, 'source'>,
): readonly [rateHz: number, channels: number] | undefined {
  const delivered = ratio * sampleRateHz * channels;
  return USUAL.find(([rateHz, count]) => Math.abs((rateHz * count) / delivered - 1) < ALIKE);
}

function wrongRate(ratio: number, { source, sampleRateHz, channels }: Layout): FaultText {
  if (source === 'portaudio')
    return {
      text: `delivers ${(ratio * 100).toFixed(0)} % of the samples that it should`,
      hint: 'Choose another device (bathnet2mqtt devices), or another source: command:arecord …',
    };
  const delivered = Math.round(ratio * sampleRateHz);
  const [rateHz, count] = usualLayout(ratio, { sampleRateHz, channels }) ?? ['…', '…'];
  return {
    text: `delivers ${delivered} samples a second, but input.sampleRateHz is ${sampleRateHz}`,
    hint: `Let it write ${sampleRateHz} Hz in real time, or say what it writes: --set input.sampleRateHz=${rateHz} --set input.channels=${count}`,
  };
}
