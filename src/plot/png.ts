import { createRequire } from 'node:module';
import { ExitCode, messageOf, UserError } from '../errors.js';

/** Pixels for each unit of the picture: sharp on every screen. */
const SCALE = 2;

/**
 * Draws SVG as PNG, without a browser. The font comes along, since a small device has none; other scripts than Latin,
 * Greek and Cyrillic are taken from the machine's own.
 *
 * @throws UserError unavailable, where the renderer is not installed
 */
export async function renderPng(svg: string): Promise<Uint8Array> {
  const { Resvg, fontFiles } = await loadRenderer();
  const font = { fontFiles, defaultFontFamily: 'Inter', loadSystemFonts: true };
  return new Resvg(svg, { font, fitTo: { mode: 'zoom', value: SCALE } }).render().asPng();
}

/**
 * What draws, and its font.
 *
 * @throws UserError unavailable, where one of them is not installed
 */
export async function loadRenderer() {
  try {
    const { Resvg } = await import('@resvg/resvg-js');
    const { resolve } = createRequire(import.meta.url);
    const fontFiles = ['400Regular/Inter_400Regular.ttf', '600SemiBold/Inter_600SemiBold.ttf'].map((name) =>
      resolve(`@expo-google-fonts/inter/${name}`),
    );
    return { Resvg, fontFiles };
  } catch (error) {
    throw new UserError(
      ExitCode.unavailable,
      `a PNG cannot be drawn: ${messageOf(error).split('\n')[0]}`,
      'Install what draws it (npm install @resvg/resvg-js @expo-google-fonts/inter), or choose .svg or .html.',
      { cause: error },
    );
  }
}
