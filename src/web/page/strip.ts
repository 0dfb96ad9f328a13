import { COLUMNS_PER_SECOND, SHOWN_SECONDS, Sound } from './sound.js';

/** A run of one class is named where there is room for the name. */
const NAME_PADDING = 8;
/** Where names end, and the band of classes and that of alarms lie. */
const NAMES = 14;
const BAND = { top: 20, height: 2 };
const ALARM_HEIGHT = 5;

export interface StripLook {
  /** Of each label, in the model's order. */
  readonly colours: readonly string[];
  readonly names: readonly string[];
  readonly alarm: string;
  readonly alarmName: string;
  readonly ink: string;
  readonly line: string;
  /** Without its size. */
  readonly font: string;
}

export interface StripPlace {
  /** Pixels of the canvas. */
  readonly width: number;
  readonly height: number;
  /** Of them, so many are one of the page. */
  readonly ratio: number;
  /** Column of sound at the right edge. */
  readonly edge: number;
}

/** The waveform of the last half minute: one upright line for each pixel, in the colour of what was heard. */
export function drawStrip(
  context: CanvasRenderingContext2D,
  sound: Sound,
  { width, height, ratio, edge }: StripPlace,
  look: StripLook,
): void {
  const shown = SHOWN_SECONDS * COLUMNS_PER_SECOND;
  const middle = Math.round(height / 2 + 6 * ratio);
  const reach = middle - (BAND.top + BAND.height + 5) * ratio;
  context.clearRect(0, 0, width, height);
  context.font = `${12 * ratio}px ${look.font}`;
  context.fillStyle = look.line;
  context.fillRect(0, middle, width, ratio);
  const columnAt = (x: number) => Math.floor(edge - ((width - x) * shown) / width);
  const labels = new Runs((label, from, to) =>
    name(context, look.names[label - 1], look.ink, from, to, NAMES * ratio, ratio),
  );
  const alarms = new Runs((_, from, to) =>
    name(context, look.alarmName, look.alarm, from, to, height - (ALARM_HEIGHT + 5) * ratio, ratio),
  );
  for (let x = 0; x < width; x++) {
    const [from, to] = [columnAt(x), Math.max(columnAt(x) + 1, columnAt(x + 1))];
    const heard = from >= 0 && from < sound.end;
    const label = heard ? sound.label[Sound.at(from)]! : 0;
    const alarm = heard ? sound.alarm[Sound.at(from)]! : 0;
    labels.take(label, x);
    alarms.take(alarm, x);
    if (label === 0) continue;
    let [low, high] = [0, 0];
    for (let column = from; column < Math.min(to, sound.end); column++) {
      low = Math.min(low, sound.low[Sound.at(column)]!);
      high = Math.max(high, sound.high[Sound.at(column)]!);
    }
    context.fillStyle = look.colours[label - 1] ?? look.ink;
    const top = middle - Math.max(ratio, (high / 127) * reach);
    context.fillRect(x, top, 1, Math.max(2 * ratio, middle + (-low / 127) * reach - top));
    context.fillRect(x, BAND.top * ratio, 1, BAND.height * ratio);
    if (alarm === 0) continue;
    context.fillStyle = look.alarm;
    context.fillRect(x, height - ALARM_HEIGHT * ratio, 1, ALARM_HEIGHT * ratio);
  }
  labels.take(0, width);
  alarms.take(0, width);
}

/** Finds where one value, 0 excepted, goes on. */
class Runs {
  #value = 0;
  #from = 0;

  constructor(private readonly onRun: (value: number, from: number, to: number) => void) {}

  take(value: number, x: number): void {
    if (value === this.#value) return;
    if (this.#value !== 0) this.onRun(this.#value, this.#from, x);
    [this.#value, this.#from] = [value, x];
  }
}

function name(
  context: CanvasRenderingContext2D,
  text: string | undefined,
  colour: string,
  from: number,
  to: number,
  y: number,
  ratio: number,
): void {
  if (text === undefined || context.measureText(text).width + NAME_PADDING * ratio > to - from) return;
  context.fillStyle = colour;
  context.fillText(text, from + 2 * ratio, y);
}
