import { soundDoubtOf } from '../../alarm/doubts.js';
import { type SoundChoice, soundRules } from '../../alarm/sound-rules.js';
import type { Config } from '../../config/schema.js';
import { wantedSounds } from '../../config/sections/sounds.js';
import { SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../../constants.js';
import { windowsOf } from '../../files/segments.js';
import { audiosetLabels } from '../../hearing.js';
import { Pipeline } from '../../pipeline.js';
import { stateOf } from '../../storage/device.js';
import { SoundSettings } from '../../storage/sound-settings.js';
import { stateFolder } from '../../storage/state.js';
import { systemClock } from '../../system/clock.js';
import type { Logger } from '../../types.js';
import type { Finding, Listening } from './checks.js';

/** Of the windows that were heard, so many must be hits for a sound to be on as long as that goes on. */
const MOSTLY = 0.5;

/**
 * Which sounds beside the alarm are watched and by what, with what was set over MQTT; whether each can
 * come, and whether one would be on all the time in what has just been heard.
 *
 * @param heard undefined where there was no sound
 * @throws UserError configuration, where the model cannot tell one of them, as the daemon would
 */
export async function checkSounds(
  config: Config,
  deviceId: string,
  model: Listening,
  heard: Float32Array<ArrayBuffer> | undefined,
  log: Logger,
): Promise<Finding> {
  const labels = audiosetLabels(model.bundle.manifest);
  const state = stateOf(stateFolder(config.stateDir, process.env), deviceId, log);
  const kept = new SoundSettings(state, log, systemClock);
  kept.load();
  const choices = wantedSounds(config.sounds).map((choice) => kept.over(choice));
  if (choices.length === 0) return { text: 'none is watched' };
  // Without classes where the model tells none and a rhythm does.
  const told = soundRules(choices, labels).map(({ classes }, i) => ({
    ...choices[i]!,
    classes: classes.map((place) => labels[place]!),
  }));
  const doubts: { text: string; hint: string }[] = [];
  const constant = heard ? await constantIn(heard, told, config, model) : [];
  for (const choice of told) {
    const { id, name, threshold } = choice;
    const doubt = soundDoubtOf(choice, config.window.hopSeconds);
    if (doubt) doubts.push(doubt);
    else if (constant.includes(id))
      doubts.push({
        text: `${id} would be on all the time in what was just heard`,
        hint: `If that was no ${name}, raise sounds.${id}.threshold above ${threshold} until it is off.`,
      });
  }
  const watched = told.map(watchedBy).join('; ');
  if (doubts.length === 0) return { text: watched };
  const texts = doubts.map(({ text }) => text).join('; ');
  return { text: `${texts}. Watched: ${watched}`, hint: doubts.map(({ hint }) => hint).join(' ') };
}

function watchedBy({ id, classes, threshold, hits, withinSeconds, rhythm }: SoundChoice): string {
  const times = hits === 1 ? '' : `, ${hits} times in ${withinSeconds} s`;
  const names = classes.map((name) => `"${name}"`).join(' or ');
  const by = [
    ...(classes.length > 0 ? [`${names} from ${threshold}${times}`] : []),
    ...(rhythm === 'none' ? [] : [`its rhythm, ${rhythm}`]),
  ];
  return `${id} by ${by.join(', or by ')}`;
}

/** Ids of the sounds for which most windows are hits. */
async function constantIn(
  samples: Float32Array<ArrayBuffer>,
  choices: readonly SoundChoice[],
  config: Config,
  { bundle, head }: Listening,
): Promise<string[]> {
  const { hopSeconds } = config.window;
  const hopSamples = Math.round(hopSeconds * SAMPLE_RATE_HZ);
  const windows = Math.max(0, Math.floor((samples.length - WINDOW_SAMPLES) / hopSamples) + 1);
  // On with a hit, and off with the next window that is none.
  const sounds = choices.map((choice) => ({ ...choice, hits: 1, holdSeconds: hopSeconds / 2 }));
  const pipeline = await Pipeline.create(bundle, { ...config.model, head, sounds, onFallback() {} });
  const on = new Set<string>();
  const hits: string[] = [];
  try {
    for (const window of windowsOf({ samples, firstWindow: 0, windows, before: 0 }, hopSamples)) {
      for (const { id, heard } of (await pipeline.process(window)).sounds)
        if (heard) on.add(id);
        else on.delete(id);
      hits.push(...on);
    }
  } finally {
    await pipeline.close();
  }
  const share = (id: string) => hits.filter((each) => each === id).length / windows;
  return choices.map(({ id }) => id).filter((id) => share(id) >= MOSTLY);
}
