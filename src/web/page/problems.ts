/** Which part of the whole a problem is of. */
export const PARTS = {
  microphone: [
    'no_sound',
    'microphone_zero',
    'microphone_stuck',
    'microphone_clipping',
    'microphone_least_bit',
    'microphone_muted',
    'wrong_sample_rate',
    'channels_cancel',
  ],
  broker: ['messages_refused', 'commands_not_heard', 'messages_not_passed_on', 'nobody_listens'],
  engine: ['engine_failed', 'npu_failed', 'windows_dropped'],
  outbox: ['events_dropped', 'notify_failed'],
  disk: ['outbox_not_durable', 'disk_nearly_full'],
  running: [
    'detection_off',
    'rule_hardly_alarms',
    'never_loud',
    'settings_lost',
    'restarts_often',
    'input_taken',
  ],
} as const;
