import { Rhythms } from '../../alarm/cadence.js';
import { type SoundChoice, soundRules } from '../../alarm/sound-rules.js';
import { type SoundRule, Sounds } from '../../alarm/sounds.js';
import { createFrontEnd } from '../../features/create-front-end.js';
import { audiosetLabels, timesOf } from '../../hearing.js';
import type { Manifest } from '../../model/bundle.js';
import type { SoundSpan } from '../../plot/recording.js';
import type { LaidFile } from '../../training/lay.js';
import type { MelWindow, Rhythm, SoundChange } from '../../types.js';

interface HeardRhythms {
  readonly ear: Rhythms;
  /** By where the window begins: those that are heard with it. */
  readonly found: Map<number, readonly Rhythm[]>;
}

/**
 * The sounds beside the alarm, heard in files as the daemon hears them. Rhythms remember more than a segment of a file
 * has, so they hear each file here, window by window in its order, while its segments are heard elsewhere in any.
 */
export class SoundsOfFiles {
  /** Which AudioSet scores are wanted of each window: places in the head's labels. */
  readonly watched: readonly number[];
  /** By places among these. */
  readonly #rules: readonly SoundRule[];
  readonly #rhythms: readonly Rhythm[];
  readonly #bandOf: (hz: number) => number;
  /** Of files that are being heard. */
  readonly #heard = new Map<LaidFile, HeardRhythms>();

  /** @throws UserError configuration, where a class is none of the model's */
  constructor(choices: readonly SoundChoice[], manifest: Manifest) {
    const rules = soundRules(choices, audiosetLabels(manifest));
    const watched = [...new Set(rules.flatMap(({ classes }) => classes))];
    const placed = (rule: SoundRule) => rule.classes.map((place) => watched.indexOf(place));
    this.watched = watched;
    this.#rules = rules.map((rule) => ({ ...rule, classes: placed(rule) }));
    this.#rhythms = new Sounds(rules).rhythms;
    this.#bandOf = createFrontEnd(manifest.frontEnd).bandOf;
  }

  /** Takes the windows of each file; undefined where no rhythm is listened for, and nobody needs them. */
  get onLevels(): ((sound: LaidFile, window: MelWindow) => void) | undefined {
    return this.#rhythms.length > 0 ? this.#listen.bind(this) : undefined;
  }

  /**
   * When sounds were on in a file that has been heard; it is asked once.
   *
   * @param scores of the watched classes, window by window
   */
  spansOf(sound: LaidFile, scores: Iterable<Float32Array>, hopSamples: number, seconds: number): SoundSpan[] {
    const sounds = new Sounds(this.#rules);
    const begins = new Map<string, number>();
    const spans: SoundSpan[] = [];
    const take = (changes: readonly SoundChange[], atSeconds: number) => {
      // The last window is filled up beyond the end of the file.
      const at = Math.min(atSeconds, seconds);
      for (const { id, name, heard, score } of changes)
        if (heard) begins.set(id, at);
        else spans.push({ id, name, startSeconds: begins.get(id)!, endSeconds: at, peakScore: score });
    };
    const rhythms = this.#heard.get(sound)?.found;
    this.forget(sound);
    let startSample = 0;
    for (const each of scores) {
      const times = timesOf(startSample);
      take(sounds.push(times, each, rhythms?.get(startSample) ?? []), times.endSeconds);
      startSample += hopSamples;
    }
    take(sounds.forget(), seconds);
    return spans.sort((a, b) => a.startSeconds - b.startSeconds);
  }

  /** Nothing is asked of a file any more. */
  forget(sound: LaidFile): void {
    this.#heard.delete(sound);
  }

  #listen(sound: LaidFile, window: MelWindow): void {
    const heard = this.#heard.get(sound) ?? {
      ear: new Rhythms(this.#rhythms, this.#bandOf),
      found: new Map(),
    };
    this.#heard.set(sound, heard);
    const found = heard.ear.push(window);
    if (found.length > 0) heard.found.set(window.startSample, found);
  }
}
