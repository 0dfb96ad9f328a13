/** How many mistakes of each kind are named. */
export const NAMED_MISTAKES = 30;

/** A clip that was taken for another class. */
export interface ClipMistake {
  readonly path: string;
  readonly label: string;
  readonly predicted: string;
  readonly confidence: number;
}

/** A false alarm or a missed event. */
export interface RecordingMistake {
  readonly path: string;
  readonly atSeconds: number;
  readonly label: string;
  /** Of a false alarm. */
  readonly confidence?: number;
}
