/** What can be wrong while everything runs. Health names it, so the names must not change. */

/** Why a microphone that gives something cannot be heard with. */
export type MicrophoneFault =
  | 'microphone_zero'
  | 'microphone_stuck'
  | 'microphone_clipping'
  | 'microphone_least_bit'
  | 'microphone_muted';

/** What is wrong with the sound that arrives. */
export type InputFault = MicrophoneFault | 'wrong_sample_rate' | 'channels_cancel';

/** The engine hangs, breaks or gives no numbers; the process ends soon after, for its supervisor. */
export type EngineFault = 'engine_failed';

/** Why no alarm may come, however well it hears. */
export type DetectionDoubt = 'detection_off' | 'rule_hardly_alarms';
