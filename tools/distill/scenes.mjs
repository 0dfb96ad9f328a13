// What voices.mjs and ongoing.mjs share: scenes are heard once, and decided by each rule.

import { SAMPLE_RATE_HZ as RATE } from '../../dist/constants.js';
import { windowsOf } from '../../dist/features/ring.js';
import { wilsonInterval } from '../../dist/training/metrics.js';
import { Track } from '../../dist/training/track.js';

/** Hears a scene from its beginning, mono at 16 kHz, as the daemon does. */
export async function trackOf(pipeline, samples, name, { hopSamples, kinds }, sense) {
  const track = new Track(name, pipeline.model.labels, hopSamples / RATE, kinds, sense);
  pipeline.reset();
  for await (const window of windowsOf([samples], hopSamples))
    track.push((await pipeline.process({ ...window, endAtMs: 0 })).scored);
  track.seconds = samples.length / RATE;
  return track;
}

/** In how many scenes there is an alarm from its start on, with the 95 % interval. */
export function shareFound(scenes, rule) {
  const alarms = ({ track, startSeconds }) =>
    track.replay(rule).some((alarm) => alarm.startSeconds >= startSeconds);
  const count = scenes.filter(alarms).length;
  const [low, high] = wilsonInterval(count, scenes.length).map((share) => Math.round(100 * share));
  return `${Math.round((100 * count) / scenes.length)} % (${low}–${high})`;
}
