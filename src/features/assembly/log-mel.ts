// AssemblyScript, of which "npm run generate" makes ../log-mel-wasm.ts: ../log-mel.ts in SIMD. The lanes of a
// vector are two frames at once, so each number is computed by the same operations in the same order as there.

const FRAMES: usize = 96;
const BANDS: usize = 64;
const HOP_BYTES: usize = 160 * 4;
/** Complex points, and bytes of one: the real parts of both frames, then the imaginary ones. */
const POINTS: usize = 256;
const POINT: usize = 32;
const LANES: usize = 16;
const LOG_OFFSET = 0.001;

/** f32 [15 600] */
export const samples = memory.data(15_600 * 4, 16);
/** f64 [400] */
export const hann = memory.data(400 * 8, 16);
/** u32 [64]: the first of each four places of the first stage */
export const order = memory.data(64 * 4, 16);
/** f64 [85 × 6], as those of Fft; those of the first stage are 1 */
export const twiddles = memory.data(85 * 6 * 8, 16);
/** f64 [129 × 2]: cosine and sine by which a spectrum of real samples is parted */
export const turns = memory.data(129 * 2 * 8, 16);
/** u32 [64 × 2]: of each band its first bin and the end of its weights */
export const spans = memory.data(64 * 2 * 4, 16);
/** f64 [512], of which the bands take what they need */
export const weights = memory.data(512 * 8, 16);
/** f32 [96 × 64] */
export const values = memory.data(96 * 64 * 4, 16);

const points = memory.data(256 * 32, 16);
const magnitudes = memory.data(257 * 16, 16);

/** Computes the frames from `first` on. */
export function compute(first: usize): void {
  for (let t = first; t < FRAMES; t += 2) {
    const other = min(t + 1, FRAMES - 1); // the last one by itself is computed twice
    firstStage(samples + HOP_BYTES * t, samples + HOP_BYTES * other);
    laterStages();
    partSpectrum();
    weigh(values + BANDS * 4 * t, values + BANDS * 4 * other);
  }
}

/** Windows two frames and takes their first stage; what lies behind 400 samples is zero. */
function firstStage(a: usize, b: usize): void {
  for (let i: usize = 0; i < POINTS / 4; i++) {
    const n: usize = load<u32>(order + 4 * i);
    const xa = windowed(a, n);
    const xb = windowed(b, n);
    const ya = windowed(a, n + 64);
    const yb = windowed(b, n + 64);
    const za = windowed(a, n + 128);
    const zb = windowed(b, n + 128);
    const isZero = n + 192 >= 200;
    const ua = isZero ? f64x2.splat(0) : windowed(a, n + 192);
    const ub = isZero ? f64x2.splat(0) : windowed(b, n + 192);
    butterfly(
      points + 4 * POINT * i,
      POINT,
      real(xa, xb),
      imaginary(xa, xb),
      real(ya, yb),
      imaginary(ya, yb),
      real(za, zb),
      imaginary(za, zb),
      real(ua, ub),
      imaginary(ua, ub),
    );
  }
}

function laterStages(): void {
  let w = twiddles + 6 * 8;
  for (let quarter: usize = 4 * POINT; quarter < POINTS * POINT; quarter *= 4) {
    for (let j: usize = 0; j < quarter; j += POINT, w += 6 * 8) {
      const w1r = v128.load64_splat(w);
      const w1i = v128.load64_splat(w, 8);
      const w2r = v128.load64_splat(w, 16);
      const w2i = v128.load64_splat(w, 24);
      const w3r = v128.load64_splat(w, 32);
      const w3i = v128.load64_splat(w, 40);
      for (let a = points + j; a < points + POINTS * POINT; a += 4 * quarter) {
        const b = a + quarter;
        const c = b + quarter;
        const d = c + quarter;
        const xr = v128.load(b);
        const xi = v128.load(b, LANES);
        const yr = v128.load(c);
        const yi = v128.load(c, LANES);
        const zr = v128.load(d);
        const zi = v128.load(d, LANES);
        butterfly(
          a,
          quarter,
          v128.load(a),
          v128.load(a, LANES),
          f64x2.sub(f64x2.mul(xr, w1r), f64x2.mul(xi, w1i)),
          f64x2.add(f64x2.mul(xr, w1i), f64x2.mul(xi, w1r)),
          f64x2.sub(f64x2.mul(yr, w2r), f64x2.mul(yi, w2i)),
          f64x2.add(f64x2.mul(yr, w2i), f64x2.mul(yi, w2r)),
          f64x2.sub(f64x2.mul(zr, w3r), f64x2.mul(zi, w3i)),
          f64x2.add(f64x2.mul(zr, w3i), f64x2.mul(zi, w3r)),
        );
      }
    }
  }
}

/** Magnitudes of the spectrum of real samples, out of that of half as many complex ones. */
function partSpectrum(): void {
  const re = v128.load(points);
  const im = v128.load(points, LANES);
  v128.store(magnitudes, f64x2.abs(f64x2.add(re, im)));
  v128.store(magnitudes + LANES * POINTS, f64x2.abs(f64x2.sub(re, im)));
  const half = f64x2.splat(0.5);
  for (let k: usize = 1; k <= POINTS / 2; k++) {
    const p = points + POINT * k;
    const q = points + POINT * (POINTS - k);
    const pr = v128.load(p);
    const pi = v128.load(p, LANES);
    const qr = v128.load(q);
    const qi = v128.load(q, LANES);
    const cosine = v128.load64_splat(turns + 16 * k);
    const sine = v128.load64_splat(turns + 16 * k, 8);
    const evenR = f64x2.mul(f64x2.add(pr, qr), half);
    const evenI = f64x2.mul(f64x2.sub(pi, qi), half);
    const oddR = f64x2.mul(f64x2.add(pi, qi), half);
    const oddI = f64x2.mul(f64x2.sub(qr, pr), half);
    const turnedR = f64x2.add(f64x2.mul(oddR, cosine), f64x2.mul(oddI, sine));
    const turnedI = f64x2.sub(f64x2.mul(oddI, cosine), f64x2.mul(oddR, sine));
    v128.store(magnitudes + LANES * k, magnitude(f64x2.add(evenR, turnedR), f64x2.add(evenI, turnedI)));
    v128.store(
      magnitudes + LANES * (POINTS - k),
      magnitude(f64x2.sub(evenR, turnedR), f64x2.sub(evenI, turnedI)),
    );
  }
}

/** The bands of two frames. */
function weigh(a: usize, b: usize): void {
  let w = weights;
  for (let band: usize = 0; band < BANDS; band++) {
    let bin = magnitudes + LANES * <usize>load<u32>(spans + 8 * band);
    const end = weights + 8 * <usize>load<u32>(spans + 8 * band, 4);
    let sum = f64x2.splat(0);
    for (; w < end; w += 8, bin += LANES)
      sum = f64x2.add(sum, f64x2.mul(v128.load64_splat(w), v128.load(bin)));
    const level = logarithm(f64x2.add(sum, f64x2.splat(LOG_OFFSET)));
    store<f32>(a + 4 * band, <f32>f64x2.extract_lane(level, 0));
    store<f32>(b + 4 * band, <f32>f64x2.extract_lane(level, 1));
  }
}

/** Two samples of a frame under its window. */
@inline
function windowed(frame: usize, n: usize): v128 {
  return f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(frame + 8 * n)), v128.load(hann + 16 * n));
}

@inline
function real(a: v128, b: v128): v128 {
  return v128.shuffle<f64>(a, b, 0, 2);
}

@inline
function imaginary(a: v128, b: v128): v128 {
  return v128.shuffle<f64>(a, b, 1, 3);
}

@inline
function magnitude(re: v128, im: v128): v128 {
  return f64x2.sqrt(f64x2.add(f64x2.mul(re, re), f64x2.mul(im, im)));
}

/** Four points, `step` bytes apart. */
@inline
function butterfly(
  a: usize,
  step: usize,
  ar: v128,
  ai: v128,
  br: v128,
  bi: v128,
  cr: v128,
  ci: v128,
  dr: v128,
  di: v128,
): void {
  const evenR = f64x2.add(ar, cr);
  const evenI = f64x2.add(ai, ci);
  const halfR = f64x2.sub(ar, cr);
  const halfI = f64x2.sub(ai, ci);
  const oddR = f64x2.add(br, dr);
  const oddI = f64x2.add(bi, di);
  const turnR = f64x2.sub(br, dr);
  const turnI = f64x2.sub(bi, di);
  const b = a + step;
  const c = b + step;
  const d = c + step;
  v128.store(a, f64x2.add(evenR, oddR));
  v128.store(a, f64x2.add(evenI, oddI), LANES);
  v128.store(b, f64x2.add(halfR, turnI));
  v128.store(b, f64x2.sub(halfI, turnR), LANES);
  v128.store(c, f64x2.sub(evenR, oddR));
  v128.store(c, f64x2.sub(evenI, oddI), LANES);
  v128.store(d, f64x2.sub(halfR, turnI));
  v128.store(d, f64x2.add(halfI, turnR), LANES);
}

/**
 * Natural logarithm of positive normal numbers, to 3e-14: x = 2^e · m with m next to 1, and log m = 2 artanh s with
 * s = (m − 1) / (m + 1), as a series. Of what is no number it is none.
 */
@inline
function logarithm(x: v128): v128 {
  const bits = i64x2.shr_u(x, 52);
  const biased = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(bits, bits, 0, 2, 0, 2));
  const fraction = v128.or(v128.and(x, i64x2.splat(0x000f_ffff_ffff_ffff)), f64x2.splat(1));
  const high = f64x2.gt(fraction, f64x2.splat(Math.SQRT2));
  const m = v128.bitselect(f64x2.mul(fraction, f64x2.splat(0.5)), fraction, high);
  const e = f64x2.sub(biased, v128.bitselect(f64x2.splat(1022), f64x2.splat(1023), high));
  const s = f64x2.div(f64x2.sub(m, f64x2.splat(1)), f64x2.add(m, f64x2.splat(1)));
  const z = f64x2.mul(s, s);
  let series = f64x2.splat(1.0 / 15);
  series = f64x2.add(f64x2.mul(series, z), f64x2.splat(1.0 / 13));
  series = f64x2.add(f64x2.mul(series, z), f64x2.splat(1.0 / 11));
  series = f64x2.add(f64x2.mul(series, z), f64x2.splat(1.0 / 9));
  series = f64x2.add(f64x2.mul(series, z), f64x2.splat(1.0 / 7));
  series = f64x2.add(f64x2.mul(series, z), f64x2.splat(1.0 / 5));
  series = f64x2.add(f64x2.mul(series, z), f64x2.splat(1.0 / 3));
  series = f64x2.add(f64x2.mul(series, z), f64x2.splat(1));
  const log = f64x2.add(f64x2.mul(e, f64x2.splat(Math.LN2)), f64x2.mul(f64x2.add(s, s), series));
  return f64x2.add(log, f64x2.sub(x, x));
}
