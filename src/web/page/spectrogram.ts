import { ramp } from './colours.js';
import { bytesOf, COLUMNS_PER_SECOND, MEL_BANDS, SHOWN_SECONDS, Sound } from './sound.js';

/** Values below are the noise of the microphone, and above nobody's bathroom: the colours are for what is between. */
const QUIETEST = 8;
const LOUDEST = 232;
/** YAMNet's mel scale: HTK's, from here to there. */
const LOWEST_HZ = 125;
const HIGHEST_HZ = 7500;
const RAMPS = { dark: ramp('dark'), light: ramp('light') };

const melOf = (hz: number) => 1127 * Math.log1p(hz / 700);

/** Where a frequency lies, 0 below … 1 above. */
export const heightOf = (hz: number) =>
  (melOf(hz) - melOf(LOWEST_HZ)) / (melOf(HIGHEST_HZ) - melOf(LOWEST_HZ));

/** Frames of 64 bands as a picture: time to the right, frequency upwards. */
function pictureOf(mel: Uint8Array, theme: keyof typeof RAMPS): ImageData {
  const frames = mel.length / MEL_BANDS;
  const picture = new ImageData(Math.max(1, frames), MEL_BANDS);
  const colours = RAMPS[theme];
  for (let frame = 0; frame < frames; frame++)
    for (let band = 0; band < MEL_BANDS; band++) {
      const value = ((mel[frame * MEL_BANDS + band]! - QUIETEST) * 255) / (LOUDEST - QUIETEST);
      const colour = 3 * Math.max(0, Math.min(255, Math.round(value)));
      const at = 4 * ((MEL_BANDS - 1 - band) * frames + frame);
      picture.data.set(colours.subarray(colour, colour + 3), at);
      picture.data[at + 3] = 255;
    }
  return picture;
}

/** A spectrogram that does not move. */
export function drawPicture(canvas: HTMLCanvasElement, base64: string, dark: boolean): void {
  const picture = pictureOf(bytesOf(base64), dark ? 'dark' : 'light');
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext('2d')?.putImageData(picture, 0, 0);
}

/** The live one: what is new is coloured once and then only moved. */
export class Spectrogram {
  readonly #strip = document.createElement('canvas');
  readonly #context: CanvasRenderingContext2D;
  #drawn = 0;
  #theme: keyof typeof RAMPS = 'dark';

  constructor(private readonly sound: Sound) {
    this.#strip.width = sound.label.length;
    this.#strip.height = MEL_BANDS;
    this.#context = this.#strip.getContext('2d')!;
  }

  /** @param edge column at the right edge */
  draw(context: CanvasRenderingContext2D, width: number, height: number, edge: number, dark: boolean): void {
    const theme = dark ? 'dark' : 'light';
    const kept = this.#strip.width;
    const again = theme !== this.#theme || this.sound.end < this.#drawn;
    if (again) this.#drawn = Math.max(0, this.sound.end - kept);
    this.#theme = theme;
    for (; this.#drawn < this.sound.end; this.#drawn++) {
      const at = Sound.at(this.#drawn);
      const frame = this.sound.mel.subarray(at * MEL_BANDS, (at + 1) * MEL_BANDS);
      this.#context.putImageData(pictureOf(frame, theme), at, 0);
    }
    const [red, green, blue] = RAMPS[theme];
    context.fillStyle = `rgb(${red} ${green} ${blue})`;
    context.fillRect(0, 0, width, height);
    const shown = SHOWN_SECONDS * COLUMNS_PER_SECOND;
    const perColumn = width / shown;
    const first = Math.max(0, edge - shown);
    // The ring may turn within what is shown: two pieces.
    for (let from = first; from < edge; ) {
      const at = from % kept;
      const columns = Math.min(edge - from, kept - at);
      const x = width - (edge - from) * perColumn;
      context.drawImage(this.#strip, at, 0, columns, MEL_BANDS, x, 0, columns * perColumn, height);
      from += columns;
    }
  }
}
