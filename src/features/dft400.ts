import { Fft } from './fft.js';

const SIZE = 400;
/** 400 = 16 × 25, and the two share no factor. */
const LONG = 25;
const SHORT = 16;
/** The spectrum of a real signal repeats mirrored: columns 0…12 of 25 say all. */
const COLUMNS = (LONG + 1) / 2;

/**
 * Power spectrum of exactly 400 real samples. FFT packages want powers of two, and zero-padding to 512
 * gives other frequencies than librosa's.
 *
 * Good–Thomas (prime-factor) decomposition: with sample (25·a + 16·b) mod 400 at row a, column b, the DFT
 * is a two-dimensional one of 16 × 25 without twiddle factors, and bin k is its entry (k mod 16, k mod 25).
 * The 25 points are summed as they stand, the 16 are a fast transform.
 */
export function createDft400() {
  const half = COLUMNS - 1; // pairs of columns b and 25 − b
  const sampleAt = (row: number, column: number) => (LONG * row + SHORT * column) % SIZE;
  const first = Int32Array.from({ length: SHORT }, (_, row) => sampleAt(row, 0));
  const pair = (i: number): [row: number, column: number] => [Math.floor(i / half), (i % half) + 1];
  const lefts = Int32Array.from({ length: SHORT * half }, (_, i) => sampleAt(...pair(i)));
  const rights = lefts.map((_, i) => sampleAt(pair(i)[0], LONG - pair(i)[1]));
  const angle = (i: number) => (2 * Math.PI * ((pair(i)[0] * pair(i)[1]) % LONG)) / LONG;
  const cosines = Float64Array.from({ length: COLUMNS * half }, (_, i) => Math.cos(angle(i)));
  const sines = Float64Array.from({ length: COLUMNS * half }, (_, i) => Math.sin(angle(i)));
  // Bins above the middle column are read from their mirror image, 400 − k.
  const place = Int32Array.from({ length: SIZE / 2 + 1 }, (_, k) => {
    const mirrored = k % LONG < COLUMNS ? k : SIZE - k;
    return (mirrored % LONG) * SHORT + (mirrored % SHORT);
  });

  const sums = new Float64Array(SHORT * half);
  const differences = new Float64Array(SHORT * half);
  const re = new Float64Array(COLUMNS * SHORT);
  const im = new Float64Array(COLUMNS * SHORT);
  const fft = new Fft(SHORT);
  const { order } = fft;

  return {
    /**
     * Allocates nothing.
     *
     * @param frame 400 samples
     * @param out |X[k]|² for k = 0…200
     */
    power(frame: Float64Array, out: Float64Array): void {
      for (let i = 0; i < sums.length; i++) {
        const left = frame[lefts[i]!]!;
        const right = frame[rights[i]!]!;
        sums[i] = left + right;
        differences[i] = left - right;
      }
      for (let column = 0; column < COLUMNS; column++) {
        const factors = column * half;
        // Two rows at a time: independent sums are faster than one chain of additions.
        for (let place = 0; place < SHORT; place += 2) {
          const [rowA, rowB] = [order[place]!, order[place + 1]!];
          const [a, b] = [rowA * half, rowB * half];
          let [reA, reB, imA, imB] = [frame[first[rowA]!]!, frame[first[rowB]!]!, 0, 0];
          for (let i = 0; i < half; i++) {
            const cosine = cosines[factors + i]!;
            const sine = sines[factors + i]!;
            reA += sums[a + i]! * cosine;
            reB += sums[b + i]! * cosine;
            imA -= differences[a + i]! * sine;
            imB -= differences[b + i]! * sine;
          }
          fft.re[place] = reA;
          fft.re[place + 1] = reB;
          fft.im[place] = imA;
          fft.im[place + 1] = imB;
        }
        fft.transform();
        re.set(fft.re, column * SHORT);
        im.set(fft.im, column * SHORT);
      }
      for (let k = 0; k < out.length; k++) {
        const at = place[k]!;
        out[k] = re[at]! * re[at]! + im[at]! * im[at]!;
      }
    },
  };
}
