import type { DetectionDoubt } from '../types.js';
import type { AlarmRule } from './rule.js';
import type { SoundRule } from './sounds.js';

/** Sound that has to go on for longer without a pause is hardly ever heard in a bathroom. */
const LONGEST_SECONDS = 10;
const SUREST_SCORE = 0.99;
/** So loud is next to nothing over a whole window. */
const LOUDEST_DBFS = -10;
const LONGEST_DEAF_SECONDS = 3600;
/** Whoever uses a bathroom is louder than that once in so many hours. */
export const NEVER_LOUD_HOURS = 48;

/** Why no alarm may come, in a word for health and a sentence for people. */
export interface Doubt {
  readonly problem: DetectionDoubt;
  readonly text: string;
  readonly hint: string;
}

/**
 * What stands in the way of every alarm, or nearly every one.
 *
 * @param hopSeconds from window to window
 * @param minutesBelow for so long nothing has been heard that is louder than the rule asks for
 */
export function doubtsOf(enabled: boolean, rule: AlarmRule, hopSeconds: number, minutesBelow = 0): Doubt[] {
  const doubts: Doubt[] = [];
  if (!enabled)
    doubts.push({
      problem: 'detection_off',
      text: 'detection is switched off: no alarm will come',
      hint: 'Switch it on (ON to <base>/enabled/set, the switch Detection), or start with run --reset-settings.',
    });
  const why = obstacleOf(rule, hopSeconds);
  if (why)
    doubts.push({
      problem: 'rule_hardly_alarms',
      text: `hardly anything can raise the alarm: ${why}`,
      hint: 'Set it back in the configuration or over MQTT; run --reset-settings forgets what was set there.',
    });
  if (minutesBelow >= NEVER_LOUD_HOURS * 60)
    doubts.push({
      problem: 'never_loud',
      text: `in ${NEVER_LOUD_HOURS} h of sound nothing was louder than ${rule.minLevelDbfs} dBFS (minLevelDbfs), as an alarm has to be`,
      hint: 'If somebody was there: raise the gain of the microphone (alsamixer, F4), put it nearer, or lower alarm.minLevelDbfs.',
    });
  return doubts;
}

function obstacleOf(rule: AlarmRule, hopSeconds: number): string | undefined {
  const { labels, hits, threshold, minLevelDbfs, releaseSeconds, cooldownSeconds, evidence } = rule;
  const deafSeconds = releaseSeconds + cooldownSeconds;
  if (deafSeconds > LONGEST_DEAF_SECONDS)
    return `after one alarm no other starts for ${(deafSeconds / 3600).toFixed(1)} h (releaseSeconds, cooldownSeconds)`;
  if (minLevelDbfs > LOUDEST_DBFS)
    return `only what is louder than ${minLevelDbfs} dBFS counts (minLevelDbfs)`;
  // Evidence for kinds of events asks for none of the rest.
  if (evidence && evidence.kinds.length > 0) return undefined;
  if (labels.length === 0) return 'no class alarms (alarm.labels)';
  if (hits * hopSeconds > LONGEST_SECONDS)
    return `${hits} windows must be hits, ${Math.round(hits * hopSeconds)} s without a pause (hits)`;
  if (threshold > SUREST_SCORE) return `only a score of ${threshold} is a hit (threshold)`;
  return undefined;
}

/**
 * What stands in the way of a sound beside the alarm, or makes it be on for ever. What is heard by its rhythm as well
 * may be meant to be heard by that alone.
 *
 * @param hopSeconds from window to window
 */
export function soundDoubtOf(
  {
    id,
    classes,
    rhythm,
    threshold,
    hits,
    withinSeconds,
  }: Omit<SoundRule, 'classes'> & { classes: ArrayLike<unknown> },
  hopSeconds: number,
): Pick<Doubt, 'text' | 'hint'> | undefined {
  if (classes.length === 0) return undefined;
  if (threshold === 0)
    return {
      text: `${id} is always on: every score is at least 0`,
      hint: `Raise its threshold: sounds.${id}.threshold.`,
    };
  if (threshold > SUREST_SCORE && rhythm === 'none')
    return {
      text: `${id} hardly comes: hardly any score is ${threshold}`,
      hint: `Lower its threshold: sounds.${id}.threshold.`,
    };
  const leastSeconds = (hits - 1) * hopSeconds;
  if (leastSeconds <= withinSeconds) return undefined;
  return {
    text: `${id} never comes${rhythm === 'none' ? '' : ' by its scores'}: ${hits} windows take ${leastSeconds.toFixed(1)} s, and must be hits within ${withinSeconds} s`,
    hint: `Raise sounds.${id}.withinSeconds to ${Math.ceil(leastSeconds)}, or lower sounds.${id}.hits.`,
  };
}
