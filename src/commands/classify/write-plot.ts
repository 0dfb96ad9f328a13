import type { Recording } from '../../plot/recording.js';
import { writeWhole } from '../../storage/write-whole.js';
import type { PlotFormat } from './places.js';

/**
 * Draws a recording into a file.
 *
 * @param sound where the recording lies
 * @throws UserError cannot create; unavailable, where PNG cannot be drawn
 */
export async function writePlot(
  recording: Recording,
  sound: string,
  place: string,
  format: PlotFormat,
): Promise<void> {
  await writeWhole([[place, await drawn(recording, sound, place, format)]], true);
}

/**
 * Whether such pictures can be drawn here, to be known before hours of listening.
 *
 * @throws UserError unavailable
 */
export async function checkRenderer(format: PlotFormat): Promise<void> {
  if (format === 'png') await (await import('../../plot/png.js')).loadRenderer();
}

/** What draws is loaded where it is wanted. */
async function drawn(
  recording: Recording,
  sound: string,
  place: string,
  format: PlotFormat,
): Promise<string | Uint8Array> {
  if (format === 'html') {
    const { renderPage } = await import('../../plot/page.js');
    return renderPage(recording, sound, place);
  }
  const { renderSvg } = await import('../../plot/svg.js');
  const svg = renderSvg(recording);
  if (format === 'svg') return svg;
  const { renderPng } = await import('../../plot/png.js');
  return renderPng(svg);
}
