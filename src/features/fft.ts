/**
 * Fast Fourier transform of a power of four complex points: decimation in time, radix 4, float64, not normalised. It
 * works in place on `re` and `im`, into which samples are put as `order` says.
 */
export class Fft {
  readonly re: Float64Array;
  readonly im: Float64Array;
  /** The number of the sample that belongs at each place: that of the place, its digits of base four turned round. */
  readonly order: Uint16Array;
  /** exp(−2πi·jm/length) for m = 1, 2, 3: by stage and j, real and imaginary part. */
  readonly twiddles: Float64Array;

  /** @param size 4, 16, 64, 256 … */
  constructor(readonly size: number) {
    this.re = new Float64Array(size);
    this.im = new Float64Array(size);
    this.order = Uint16Array.from({ length: size }, (_, place) => {
      let number = 0;
      for (let digits = size; digits > 1; digits /= 4) {
        number = number * 4 + (place % 4);
        place = Math.floor(place / 4);
      }
      return number;
    });
    const twiddles: number[] = [];
    for (let length = 4; length <= size; length *= 4)
      for (let j = 0; j < length / 4; j++)
        for (const m of [1, 2, 3]) {
          const angle = (-2 * Math.PI * j * m) / length;
          twiddles.push(Math.cos(angle), Math.sin(angle));
        }
    this.twiddles = Float64Array.from(twiddles);
  }

  /** Allocates nothing. */
  transform(): void {
    const { re, im, size, twiddles } = this;
    let at = 0;
    for (let length = 4; length <= size; length *= 4) {
      const quarter = length / 4;
      for (let j = 0; j < quarter; j++, at += 6) {
        const w1r = twiddles[at]!;
        const w1i = twiddles[at + 1]!;
        const w2r = twiddles[at + 2]!;
        const w2i = twiddles[at + 3]!;
        const w3r = twiddles[at + 4]!;
        const w3i = twiddles[at + 5]!;
        for (let a = j; a < size; a += length) {
          const b = a + quarter;
          const c = b + quarter;
          const d = c + quarter;
          const ar = re[a]!;
          const ai = im[a]!;
          const xr = re[b]!;
          const xi = im[b]!;
          const yr = re[c]!;
          const yi = im[c]!;
          const zr = re[d]!;
          const zi = im[d]!;
          const br = xr * w1r - xi * w1i;
          const bi = xr * w1i + xi * w1r;
          const cr = yr * w2r - yi * w2i;
          const ci = yr * w2i + yi * w2r;
          const dr = zr * w3r - zi * w3i;
          const di = zr * w3i + zi * w3r;
          const evenR = ar + cr;
          const evenI = ai + ci;
          const halfR = ar - cr;
          const halfI = ai - ci;
          const oddR = br + dr;
          const oddI = bi + di;
          const turnR = br - dr;
          const turnI = bi - di;
          re[a] = evenR + oddR;
          im[a] = evenI + oddI;
          re[b] = halfR + turnI;
          im[b] = halfI - turnR;
          re[c] = evenR - oddR;
          im[c] = evenI - oddI;
          re[d] = halfR - turnI;
          im[d] = halfI + turnR;
        }
      }
    }
  }
}

/** Cosine and sine of 2πk/size for k = 0…size/4, by which the spectrum of real samples is parted. */
export function turnsOf(size: number): Float64Array {
  return Float64Array.from({ length: size / 2 + 2 }, (_, i) => {
    const angle = (2 * Math.PI * (i >> 1)) / size;
    return i % 2 === 0 ? Math.cos(angle) : Math.sin(angle);
  });
}

/**
 * Magnitude spectrum of real samples: even samples are taken for real, odd ones for imaginary parts of half as many
 * complex ones, and the two spectra are parted afterwards by their symmetry.
 *
 * @param size twice a power of four
 */
export function createMagnitudes(size: number) {
  const fft = new Fft(size / 2);
  const { re, im, order } = fft;
  const half = fft.size;
  const turns = turnsOf(size);

  /**
   * Allocates nothing.
   *
   * @param frame `size` samples
   * @param out |X[k]| for k = 0…size/2
   */
  return (frame: Float64Array, out: Float64Array): void => {
    for (let i = 0; i < half; i++) {
      re[i] = frame[2 * order[i]!]!;
      im[i] = frame[2 * order[i]! + 1]!;
    }
    fft.transform();
    out[0] = Math.abs(re[0]! + im[0]!);
    out[half] = Math.abs(re[0]! - im[0]!);
    for (let k = 1; k <= half / 2; k++) {
      const mirror = half - k;
      const evenR = (re[k]! + re[mirror]!) / 2;
      const evenI = (im[k]! - im[mirror]!) / 2;
      const oddR = (im[k]! + im[mirror]!) / 2;
      const oddI = (re[mirror]! - re[k]!) / 2;
      const cosine = turns[2 * k]!;
      const sine = turns[2 * k + 1]!;
      const turnedR = oddR * cosine + oddI * sine;
      const turnedI = oddI * cosine - oddR * sine;
      const sumR = evenR + turnedR;
      const sumI = evenI + turnedI;
      const differenceR = evenR - turnedR;
      const differenceI = evenI - turnedI;
      out[k] = Math.sqrt(sumR * sumR + sumI * sumI);
      out[mirror] = Math.sqrt(differenceR * differenceR + differenceI * differenceI);
    }
  };
}
