import { Track } from '../../src/training/track.js';

const HOP_SECONDS = 0.48;

/** What the decision stage keeps of a file whose windows score as given for the label abnormal, all of them loud. */
export function trackOf(path: string, scores: readonly number[]): Track {
  const track = new Track(path, ['abnormal'], HOP_SECONDS);
  for (const [k, score] of scores.entries())
    track.push({
      startSeconds: k * HOP_SECONDS,
      endSeconds: k * HOP_SECONDS + 0.975,
      endAtMs: 0,
      label: 'abnormal',
      confidence: score,
      scores: { abnormal: score },
      rmsDbfs: -20,
      peakDbfs: -10,
      audioset: [],
    });
  track.seconds = scores.length * HOP_SECONDS;
  return track;
}
