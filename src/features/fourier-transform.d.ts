/** The part of the package that is used here; it ships no types. */
declare module 'fourier-transform' {
  /**
   * Complex spectrum of a real signal, not normalised.
   *
   * @param input power-of-two length N
   * @returns [re, im], N/2 + 1 bins each: the package's own memory, overwritten by the next call for this N
   */
  export function fft(input: Float64Array): [Float64Array, Float64Array];

  /** Complex transform in place, not normalised; power-of-two length. */
  export function cfft(re: Float64Array, im: Float64Array): void;
}
