import type { InputFault } from '../types.js';

/** What is wrong, and what a person does about it. */
interface FaultText {
  readonly text: string;
  readonly hint: string;
}

const UNMUTE = 'Unmute it and raise its gain: alsamixer (F4), pavucontrol.';

/** Each fault in words. */
export const FAULT_TEXTS: Readonly<Record<InputFault, FaultText>> = {
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
