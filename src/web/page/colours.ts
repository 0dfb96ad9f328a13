import { signal } from '@preact/signals';

/**
 * The one place where a class gets its colour. Those of style.css are told apart by people who see no red or no green,
 * and by their lightness alone.
 */
const KNOWN: Readonly<Record<string, string>> = { background: '0', water: '1', speech: '2' };
const OTHERS = ['3', '1', '2', '0'];

/** @returns name of the custom property in style.css */
export function classProperty(label: string, index: number, alarmLabels: readonly string[]): string {
  if (alarmLabels.includes(label)) return '--class-alarm';
  return `--class-${KNOWN[label] ?? OTHERS[index % OTHERS.length]}`;
}

const dark = matchMedia('(prefers-color-scheme: dark)');
/** Which theme is shown; canvases are drawn anew when it changes. */
export const isDark = signal(dark.matches);
dark.addEventListener('change', ({ matches }) => {
  isDark.value = matches;
});

export const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');

export const colourOf = (property: string) =>
  getComputedStyle(document.documentElement).getPropertyValue(property).trim();

/** From quiet to loud: lightness alone tells it, in every kind of sight. */
const RAMPS = {
  dark: [
    [14, 19, 21],
    [20, 44, 66],
    [52, 74, 128],
    [142, 84, 134],
    [228, 118, 92],
    [252, 190, 102],
    [255, 246, 214],
  ],
  light: [
    [255, 255, 255],
    [226, 238, 240],
    [164, 206, 214],
    [84, 154, 184],
    [46, 96, 150],
    [44, 46, 104],
    [24, 14, 44],
  ],
};

/** @returns red, green and blue of each of 256 values */
export function ramp(theme: keyof typeof RAMPS): Uint8Array {
  const stops = RAMPS[theme];
  return Uint8Array.from({ length: 256 * 3 }, (_, i) => {
    const place = (Math.floor(i / 3) / 255) * (stops.length - 1);
    const below = Math.min(stops.length - 2, Math.floor(place));
    const channel = i % 3;
    const [from, to] = [stops[below]![channel]!, stops[below + 1]![channel]!];
    return Math.round(from + (place - below) * (to - from));
  });
}
