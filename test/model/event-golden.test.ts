import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { WINDOW_SAMPLES } from '../../src/constants.js';
import { readBundle } from '../../src/model/bundle.js';
import { EventHead } from '../../src/model/event-head.js';
import { GOLDEN } from '../support/golden.js';

const MINI = fileURLToPath(new URL('../../models/bathnet-mini', import.meta.url));

/** Of tools/distill/golden_event.py: torch's arithmetic on made-up embeddings. */
interface Golden {
  readonly scale: number;
  /** [windows][1024], integers to be divided by `scale` */
  readonly embeddings: readonly number[][];
  readonly levels: readonly number[][];
  readonly logOdds: readonly number[][];
}

it("the trained event head says what torch says, from a stream's first window on", async () => {
  const { manifest, tensors } = await readBundle(MINI);
  const golden: Golden = JSON.parse(readFileSync(join(GOLDEN, 'event.json'), 'utf8'));
  const head = new EventHead(manifest.event!, tensors);
  for (const [k, embedding] of golden.embeddings.entries()) {
    const scaled = Float32Array.from(embedding, (value) => value / golden.scale);
    const levels = Float32Array.from(golden.levels[k]!);
    const said = head.push(scaled, levels, WINDOW_SAMPLES + k * manifest.event!.hopSamples);
    for (const [i, wanted] of golden.logOdds[k]!.entries()) expect(said[i]).toBeCloseTo(wanted, 3);
  }
});
