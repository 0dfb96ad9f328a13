import type { Role } from './recording.js';

/**
 * Colours of classes and kinds of events, on light and on dark paper. Whoever is colour-blind can tell those apart that
 * stand beside each other: in the four classes of a bathroom, and in the kinds, which are dashed differently as well.
 */
export const COLOURS = [
  { light: '#8793a0', dark: '#7d8995' },
  { light: '#1763b8', dark: '#4fb0ff' },
  { light: '#bb870c', dark: '#ffc93c' },
  { light: '#a31515', dark: '#f0603c' },
  { light: '#5b34d6', dark: '#9a8cff' },
  { light: '#0a9372', dark: '#4fe3cb' },
  { light: '#e0449f', dark: '#ff4f8f' },
  { light: '#8a5a00', dark: '#d9a05b' },
] as const;

/** What none of the drawn classes is. */
export const OTHER_COLOUR = 0;

const ROLES: Record<Exclude<Role, 'other'>, number> = { water: 1, speech: 2, alarm: 3 };
/** Grey for what does not matter, then what no role has, then what no class of these roles needs. */
const OTHERS = [0, 4, 5, 6, 7, 1, 2, 3];

/** Dashes of lines, so that no colour is needed: of each colour, and of further lines. */
export const DASHES = ['', '7 4', '2 3', '9 3 2 3'] as const;

/**
 * Number of the colour of each class.
 *
 * @param leftOut whether there are classes that are not drawn: the grey is theirs
 */
export function classColours(classes: readonly { readonly role: Role }[], leftOut = false): number[] {
  const taken = new Set(classes.map(({ role }) => (role === 'other' ? undefined : ROLES[role])));
  const free = OTHERS.filter((colour) => !taken.has(colour) && !(leftOut && colour === OTHER_COLOUR));
  let others = 0;
  return classes.map(({ role }) => (role === 'other' ? free[others++ % free.length]! : ROLES[role]));
}

/** Number of the colour of each kind of event, or of each sound: of what is no class. */
export function kindColours(kinds: readonly unknown[]): number[] {
  return kinds.map((_, i) => [4, 5, 6, 7, 1, 2][i % 6]!);
}

/** Magma (S. van der Walt and N. Smith, CC0), of even lightness: black to white in nine steps. */
const MAGMA = [
  [0, 0, 4],
  [28, 16, 68],
  [79, 18, 123],
  [129, 37, 129],
  [181, 54, 122],
  [229, 80, 100],
  [251, 135, 97],
  [254, 194, 135],
  [252, 253, 191],
] as const;

/** 256 colours from silence to loud. */
export function spectrogramPalette(): number[][] {
  return Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (MAGMA.length - 1);
    const below = Math.min(MAGMA.length - 2, Math.floor(at));
    const [from, to] = [MAGMA[below]!, MAGMA[below + 1]!];
    return from.map((value, channel) => Math.round(value + (at - below) * (to[channel]! - value)));
  });
}
