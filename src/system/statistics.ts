import type { PipelineResult } from '../types.js';

/** Enough for half an hour of windows; memory stays bounded however long the daemon runs. */
const KEPT = 4096;

/** The last values of a quantity, for its quantiles. */
class Reservoir {
  readonly #values = new Float64Array(KEPT);
  #count = 0;

  add(value: number): void {
    this.#values[this.#count++ % KEPT] = value;
  }

  /** @param q 0…1; undefined before the first value */
  quantile(q: number): number | undefined {
    const sorted = this.#values.slice(0, Math.min(this.#count, KEPT)).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  }
}

/** Counts and times of a running pipeline. */
export class Statistics {
  readonly #startedAt = performance.now();
  readonly networkMs = new Reservoir();
  /** From a window's last sample to its result. */
  readonly latencyMs = new Reservoir();
  windows = 0;
  alarms = 0;
  /** Windows in which something that speaks for an alarm did not count, by a verdict. */
  vetoed = 0;

  add({ scored, event, networkMs }: PipelineResult, nowMs: number): void {
    this.windows++;
    if (event?.type === 'alarm_started') this.alarms++;
    if (scored.vetoed) this.vetoed++;
    this.networkMs.add(networkMs);
    this.latencyMs.add(nowMs - scored.endAtMs);
  }

  health() {
    return {
      uptimeSeconds: (performance.now() - this.#startedAt) / 1000,
      memoryMb: process.memoryUsage.rss() / 1e6,
      inferenceMs: this.networkMs.quantile(0.5),
      vetoed: this.vetoed,
    };
  }
}
