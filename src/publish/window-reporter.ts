import type { Clock, ModelInfo, ScoredWindow, Scores } from '../types.js';
import type { MqttPublisher } from './client.js';
import { classPayload, levelPayload } from './payloads.js';
import type { Topics } from './topics.js';

const CLASS_MIN_INTERVAL_MS = 1000;
const CLASS_MAX_INTERVAL_MS = 10_000;
const LEVEL_INTERVAL_MS = 5000;

export interface WindowReporterOptions {
  /** The published class is the mean of this many windows. */
  readonly smoothingWindows: number;
  /** Publish every window's scores, too. */
  readonly scores: boolean;
}

/** Says what windows are: class and level, not more often than anybody can use, and where asked for every score. */
export class WindowReporter {
  /** The windows that the published class is the mean of, oldest first. */
  #recent: ScoredWindow[] = [];
  #publishedLabel: string | undefined;
  #classAtMs = Number.NEGATIVE_INFINITY;
  #cancelClass: (() => void) | undefined;
  #levels = { energy: 0, windows: 0, peakDbfs: Number.NEGATIVE_INFINITY };
  #levelAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly publisher: Pick<MqttPublisher, 'send' | 'setState'>,
    private readonly options: WindowReporterOptions,
    private readonly labels: ModelInfo['labels'],
    private readonly topics: Topics,
    private readonly clock: Clock,
  ) {}

  /** Takes every window, as soon as it is scored. */
  push(window: ScoredWindow): void {
    const { label, scores, endAtMs } = window;
    if (this.options.scores) this.publisher.send(this.topics.scores, classPayload(label, scores, endAtMs));
    this.#recent = [...this.#recent, window].slice(-this.options.smoothingWindows);
    if (
      meanScores(this.#recent, this.labels).label !== this.#publishedLabel ||
      this.#isDue(this.#classAtMs, CLASS_MAX_INTERVAL_MS)
    )
      this.#publishClass();
    this.#addLevel(window);
  }

  /** What comes next has nothing to do with what came before, of which there is nothing more to say. */
  forget(): void {
    this.#recent = [];
    this.#cancelClass?.();
    this.#cancelClass = undefined;
  }

  /** Publishes the last class, if one waits. */
  flush(): void {
    if (this.#cancelClass === undefined) return;
    this.#cancelClass();
    this.#cancelClass = undefined;
    this.#sendClass();
  }

  /** At most once in CLASS_MIN_INTERVAL_MS; one that comes too early waits, and goes with the newest values. */
  #publishClass(): void {
    if (this.#cancelClass !== undefined) return;
    const waitMs = this.#classAtMs + CLASS_MIN_INTERVAL_MS - this.clock.now();
    if (waitMs > 0) this.#cancelClass = this.clock.after(waitMs, () => this.flush());
    else this.#sendClass();
  }

  #sendClass(): void {
    const { label, scores } = meanScores(this.#recent, this.labels);
    const atMs = this.#recent.at(-1)?.endAtMs ?? this.clock.wallMs();
    this.#classAtMs = this.clock.now();
    this.#publishedLabel = label;
    this.publisher.setState(this.topics.class, classPayload(label, scores, atMs));
  }

  /** Mean energy and highest peak since the last message. */
  #addLevel({ rmsDbfs, peakDbfs, endAtMs }: ScoredWindow): void {
    const levels = this.#levels;
    levels.energy += 10 ** (rmsDbfs / 10);
    levels.windows++;
    levels.peakDbfs = Math.max(levels.peakDbfs, peakDbfs);
    if (!this.#isDue(this.#levelAtMs, LEVEL_INTERVAL_MS)) return;
    const mean = { rmsDbfs: 10 * Math.log10(levels.energy / levels.windows), peakDbfs: levels.peakDbfs };
    this.publisher.setState(this.topics.level, levelPayload(mean, endAtMs), 0);
    this.#levels = { energy: 0, windows: 0, peakDbfs: Number.NEGATIVE_INFINITY };
    this.#levelAtMs = this.clock.now();
  }

  #isDue(lastAtMs: number, intervalMs: number): boolean {
    return this.clock.now() - lastAtMs >= intervalMs;
  }
}

/** The mean of some windows' scores, and the label that is best in it. */
function meanScores(
  windows: readonly ScoredWindow[],
  labels: readonly string[],
): { label: string; scores: Scores } {
  let best = { label: '', score: Number.NEGATIVE_INFINITY };
  const scores: Record<string, number> = {};
  for (const label of labels) {
    let sum = 0;
    for (const window of windows) sum += window.scores[label] ?? 0;
    const score = sum / windows.length;
    scores[label] = score;
    if (score > best.score) best = { label, score };
  }
  return { label: best.label, scores };
}
