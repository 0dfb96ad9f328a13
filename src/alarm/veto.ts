import type { Verdict, VetoMatch } from '../types.js';

/**
 * Cosine of embeddings from which on two windows are the same sound. Measured with bathnet-mini 0.2.0 on labelled
 * training sound, each clip's loudest window in noise of −70…−52 dBFS, at peaks of −27…−3 dBFS and any offset (108
 * clips of doors, dishes, dropped things, coughs and the like as false alarms; 164 of blows, falls, glass, screams):
 *
 *     bar   same recording, 1 / 3 windows kept   another of its kind   alarms hidden by ten verdicts
 *     0.90  75 / 95 %                            14 %                  7.2 %
 *     0.92  68 / 92 %                            10 %                  3.2 %
 *     0.94  55 / 84 %                             6 %                  1.1 %
 *     0.96  36 / 66 %                             2 %                  0.2 %
 *
 * A hidden alarm is worse than a false one that comes again, hence the highest. Centring by the mean of all clips
 * finds as much for as many hidden, so it is left out.
 */
const SAME_SOUND = 0.96;
/** A window beside it is another sound below this: the next dish of a pile stays vetoed, the fall after it does not. */
const ALIKE = 0.9;
/** A sound is vetoed only where it is closer by so much to a false alarm than to any real one. */
const MARGIN = 0.05;
/** Of one alarm no more windows are compared with; those that say the same are left out first. */
const MAX_PER_EPISODE = 4;
/** What is heard is compared with no more windows: the oldest false alarm makes room. 1024 took 2.3 ms of a busy core. */
const MAX_WINDOWS = 384;
/** A window this close to another of its alarm says the same. */
const SAME_WINDOW = 0.98;

interface Episode {
  readonly verdict: Verdict;
  /** Unit vectors. */
  readonly directions: readonly Float32Array[];
}

/** "Not this sound": whether what is heard is what a person has called a false alarm. */
export class Veto {
  /** Oldest first. */
  readonly #episodes = new Map<string, Episode>();

  get episodeIds(): readonly string[] {
    return [...this.#episodes.keys()];
  }

  /** From now on this verdict holds for the alarm, instead of an earlier one. */
  set(episodeId: string, verdict: Verdict, embeddings: readonly Float32Array[]): void {
    const directions: Float32Array[] = [];
    for (const direction of embeddings.map(directionOf)) {
      if (directions.length === MAX_PER_EPISODE) break;
      if (closest(direction, directions) < SAME_WINDOW) directions.push(direction);
    }
    this.#episodes.delete(episodeId);
    this.#episodes.set(episodeId, { verdict, directions });
    this.#bound();
  }

  delete(episodeId: string): void {
    this.#episodes.delete(episodeId);
  }

  /**
   * @param embedding of the window that is in question
   * @param besides of others that may be: each must be like a false alarm, if less so
   * @returns the false alarm that it is like, if it is like none that was real
   */
  match(embedding: Float32Array, besides: readonly Float32Array[] = []): VetoMatch | undefined {
    if (this.#episodes.size === 0) return undefined;
    return besides.every((each) => this.#closest(each, ALIKE))
      ? this.#closest(embedding, SAME_SOUND)
      : undefined;
  }

  #closest(embedding: Float32Array, bar: number): VetoMatch | undefined {
    const direction = directionOf(embedding);
    let best: VetoMatch | undefined;
    let real = Number.NEGATIVE_INFINITY;
    for (const [episodeId, { verdict, directions }] of this.#episodes) {
      const similarity = closest(direction, directions);
      if (verdict === 'real_alarm') real = Math.max(real, similarity);
      else if (similarity > (best?.similarity ?? bar)) best = { episodeId, similarity };
    }
    return best && best.similarity >= real + MARGIN ? best : undefined;
  }

  #bound(): void {
    let windows = 0;
    for (const { directions } of this.#episodes.values()) windows += directions.length;
    for (const verdict of ['false_alarm', 'real_alarm'])
      for (const [episodeId, episode] of this.#episodes) {
        if (windows <= MAX_WINDOWS) return;
        if (episode.verdict !== verdict) continue;
        this.#episodes.delete(episodeId);
        windows -= episode.directions.length;
      }
  }
}

function directionOf(embedding: Float32Array): Float32Array {
  let energy = 0;
  for (const x of embedding) energy += x * x;
  const scale = energy > 0 ? 1 / Math.sqrt(energy) : 0;
  return embedding.map((x) => x * scale);
}

function closest(direction: Float32Array, others: readonly Float32Array[]): number {
  let best = Number.NEGATIVE_INFINITY;
  for (const other of others) {
    // Four sums at a time, so that no addition waits for the one before.
    let [a, b, c, d] = [0, 0, 0, 0];
    const whole = direction.length & ~3;
    for (let i = 0; i < whole; i += 4) {
      a += direction[i]! * other[i]!;
      b += direction[i + 1]! * other[i + 1]!;
      c += direction[i + 2]! * other[i + 2]!;
      d += direction[i + 3]! * other[i + 3]!;
    }
    let cosine = a + b + c + d;
    for (let i = whole; i < direction.length; i++) cosine += direction[i]! * other[i]!;
    if (cosine > best) best = cosine;
  }
  return best;
}
