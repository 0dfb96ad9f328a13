import { MEL_BANDS, PATCH_VALUES } from '../../constants.js';

/** Log-mel of nothing: YAMNet's ln(0 + 0.001). */
const SILENCE = Math.log(0.001);

/**
 * What an embedding may be off, ‖a − b‖ / ‖b‖. The shipped model's is off by 0.0005 where half precision is what lies
 * between layers, and by 0.003 where every single addition is rounded to it.
 */
const TOLERANCE = 0.03;

/** Patches that move every part of a network: a blow that dies away, a voice with vibrato, a hiss. */
export function goldenPatches(): Float32Array[] {
  let seed = 1;
  const noise = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647 - 0.5;
  };
  const blow = (frame: number, band: number) =>
    frame < 20 ? SILENCE : 3 - 0.12 * (frame - 20) - 0.06 * band + noise();
  const voice = (frame: number, band: number) =>
    2.5 * Math.sin(0.9 * (band + 3 * Math.sin(frame / 6))) - 0.05 * band - 1;
  const hiss = (_: number, band: number) => 0.03 * band - 3 + 2 * noise();
  return [blow, voice, hiss].map((value) =>
    Float32Array.from({ length: PATCH_VALUES }, (_, i) =>
      Math.max(SILENCE, value(Math.floor(i / MEL_BANDS), i % MEL_BANDS)),
    ),
  );
}

/** In words, how two embeddings of one patch differ; undefined where they agree as well as half precision can. */
export function disagreement(got: Float32Array, wanted: Float32Array): string | undefined {
  const norm = (value: (i: number) => number) =>
    Math.sqrt(wanted.reduce((sum, _, i) => sum + value(i) ** 2, 0));
  const off = norm((i) => got[i]! - wanted[i]!) / norm((i) => wanted[i]!);
  if (off <= TOLERANCE) return undefined;
  return `its embedding is off by ${(100 * off).toFixed(1)} % of what the CPU computes, more than ${100 * TOLERANCE} %`;
}
