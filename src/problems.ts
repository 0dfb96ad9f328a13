/**
 * What can be wrong while everything runs. Health names it, so the names must not change; docs/reliability.md says
 * what follows from each, and after how long.
 */
export const PROBLEMS = {
  /** Why a microphone that gives something cannot be heard with. */
  microphone: [
    'microphone_zero',
    'microphone_stuck',
    'microphone_clipping',
    'microphone_least_bit',
    'microphone_muted',
  ],
  /** What else is wrong with the sound that arrives. */
  sound: ['wrong_sample_rate', 'channels_cancel'],
  /** No sound arrives, or nothing of it was analysed yet; windows were lost since the last health message, or are again and again. */
  hearing: ['no_sound', 'windows_dropped'],
  /** It has ended three times within an hour without being asked to, and has not run for an hour since. */
  restarts: ['restarts_often'],
  /** The engine hangs, breaks or gives no numbers; the process ends soon after, for its supervisor. */
  engine: ['engine_failed'],
  /** The NPU was to compute and does not: the CPU does, and everything is heard. */
  accelerator: ['npu_failed'],
  /** Why no alarm may come, however well it hears. */
  detection: ['detection_off', 'rule_hardly_alarms', 'never_loud'],
  /**
   * Events were lost within the last hour, or wait in memory only and a restart would lose them; the broker
   * refuses what is published, does not let us hear commands, acknowledges what it does not pass on, or has nobody to
   * pass alarms on to.
   */
  delivery: [
    'events_dropped',
    'outbox_not_durable',
    'messages_refused',
    'commands_not_heard',
    'messages_not_passed_on',
    'nobody_listens',
  ],
  /** What a person has set in an earlier run cannot be read: the configuration holds, until something is set again. */
  settings: ['settings_lost'],
  /** There is hardly room left for what is kept. */
  storage: ['disk_nearly_full'],
  /** Who is to be told beside MQTT – by a command, a webhook, ntfy – may not be. */
  telling: ['notify_failed'],
  /** Another microphone of this process is not listened to: another process has its device. */
  company: ['input_taken'],
} as const;

/** Why something that is asked for is not done. Programs and languages go by these names, so they must not change. */
export const DENIALS = [
  // Who may ask
  'log_in_first',
  'wrong_password',
  'too_many_tries',
  'only_over_proxy',
  'unknown_name',
  'other_site',
  'too_many_browsers',
  // What is asked for
  'too_long',
  'malformed',
  'not_found',
  'no_such_event',
  'no_such_command',
  'out_of_range',
  'contradiction',
  // What is not the time for it
  'too_many_tests',
  'events_wait',
  'nothing_to_acknowledge',
  'not_the_latest_alarm',
  'no_alarm_yet',
  'not_judged_any_more',
] as const;

type Of<Part extends keyof typeof PROBLEMS> = (typeof PROBLEMS)[Part][number];

export type Problem = Of<keyof typeof PROBLEMS>;
export type MicrophoneFault = Of<'microphone'>;
/** What is wrong with the sound that arrives. */
export type InputFault = Of<'microphone' | 'sound'>;
export type DetectionDoubt = Of<'detection'>;

/** Why something that is asked for is not done. */
export interface Denial {
  readonly code: (typeof DENIALS)[number];
  /** In words for a person. */
  readonly problem: string;
}
