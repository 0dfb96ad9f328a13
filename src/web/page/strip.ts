import { COLUMNS_PER_SECOND, SHOWN_SECONDS, Sound } from './sound.js';

/** A run of one class is named where there is room for the name. */
const NAME_PADDING = 8;

export interface StripLook {
  /** Of each label, in the model's order. */
  readonly colours: readonly string[];
  readonly names: readonly string[];
  readonly alarm: string;
  readonly ink: string;
  readonly line: string;
  readonly font: string;
}

/** The waveform of the last half minute: one upright line for each pixel, in the colour of what was heard. */
export function drawStrip(
  context: CanvasRenderingContext2D,
  sound: Sound,
  { width, height, edge }: { width: number; height: number; edge: number },
  look: StripLook,
): void {
  const shown = SHOWN_SECONDS * COLUMNS_PER_SECOND;
  const middle = height / 2 + 8;
  const reach = middle - 26;
  context.clearRect(0, 0, width, height);
  context.fillStyle = look.line;
  context.fillRect(0, middle, width, 1);
  const columnAt = (x: number) => Math.floor(edge - ((width - x) * shown) / width);
  let run = { label: 0, from: 0 };
  for (let x = 0; x <= width; x++) {
    const [from, to] = [columnAt(x), Math.max(columnAt(x) + 1, columnAt(x + 1))];
    const label = x < width && from >= 0 && from < sound.end ? sound.label[Sound.at(from)]! : 0;
    if (label !== run.label) {
      name(context, look, run.label, run.from, x);
      run = { label, from: x };
    }
    if (label === 0) continue;
    let [low, high] = [0, 0];
    for (let column = from; column < Math.min(to, sound.end); column++) {
      low = Math.min(low, sound.low[Sound.at(column)]!);
      high = Math.max(high, sound.high[Sound.at(column)]!);
    }
    context.fillStyle = look.colours[label - 1] ?? look.ink;
    const top = middle - Math.max(1, (high / 127) * reach);
    context.fillRect(x, top, 1, Math.max(2, middle + (-low / 127) * reach - top));
    context.fillRect(x, 20, 1, 2);
    if (sound.alarm[Sound.at(from)]) {
      context.fillStyle = look.alarm;
      context.fillRect(x, height - 5, 1, 5);
    }
  }
}

function name(
  context: CanvasRenderingContext2D,
  look: StripLook,
  label: number,
  from: number,
  to: number,
): void {
  const text = look.names[label - 1];
  if (text === undefined) return;
  context.font = look.font;
  if (context.measureText(text).width + NAME_PADDING > to - from) return;
  context.fillStyle = look.ink;
  context.fillText(text, from + 2, 14);
}
