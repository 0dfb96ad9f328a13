import { mkdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import { cannotWrite, ExitCode, UserError } from '../../errors.js';
import { checkPlaces } from '../../storage/write-whole.js';

export const PLOT_FORMATS = ['svg', 'png', 'html'] as const;
export type PlotFormat = (typeof PLOT_FORMATS)[number];

export interface PlotFlags {
  readonly plot?: string;
  readonly plotFormat?: PlotFormat;
}

/** A file to be heard, and the argument by which it was found: itself, or a folder it lies in. */
export interface Found {
  readonly path: string;
  readonly argument: string;
}

export interface Places {
  readonly format: PlotFormat;
  /** Where each file's picture goes. */
  readonly of: ReadonlyMap<string, string>;
}

/**
 * Where pictures go: a file for one recording, or a folder for any number, in which a picture is called as its
 * recording with the picture's ending added, in the same folders. Folders are made.
 *
 * @returns undefined where none are wanted
 * @throws UserError usage, where it fits no picture or not so many; cannot create, where they cannot be written
 */
export async function plotPlaces(
  files: readonly Found[],
  { plot, plotFormat }: PlotFlags,
): Promise<Places | undefined> {
  if (plot === undefined) {
    if (plotFormat === undefined) return undefined;
    throw new UserError(
      ExitCode.usage,
      '--plot-format: there is no --plot',
      'Say where the pictures go: --plot plots/',
    );
  }
  const there = await stat(plot).catch(() => undefined);
  const ending = extname(plot).slice(1).toLowerCase();
  const isFolder = there?.isDirectory() || plot.endsWith('/') || ending === '';
  const places = isFolder
    ? { format: plotFormat ?? 'html', of: inFolder(files, plot, plotFormat ?? 'html') }
    : { format: formatOf(plot, ending, plotFormat), of: inFile(files, plot) };
  const folders = new Set([...places.of.values()].map((path) => dirname(path)));
  try {
    if (isFolder) for (const folder of folders) await mkdir(folder, { recursive: true });
  } catch (error) {
    throw cannotWrite(plot, error);
  }
  await checkPlaces([...places.of.values()], true); // before hours of listening
  return places;
}

function formatOf(plot: string, ending: string, wanted: PlotFormat | undefined): PlotFormat {
  const format = PLOT_FORMATS.find((each) => each === ending);
  if (!format)
    throw new UserError(
      ExitCode.usage,
      `--plot ${plot}: there is no such picture as .${ending}`,
      'Let it end in .svg, .png or .html, or name a folder, with a / at its end.',
    );
  if (wanted !== undefined && wanted !== format)
    throw new UserError(
      ExitCode.usage,
      `--plot ${plot} is no ${wanted}`,
      'Leave --plot-format out: the name says it.',
    );
  return format;
}

function inFile(files: readonly Found[], plot: string): Map<string, string> {
  if (files.length > 1)
    throw new UserError(
      ExitCode.usage,
      `--plot ${plot}: one picture for ${files.length} recordings`,
      `Name a folder: --plot plots/ --plot-format ${extname(plot).slice(1).toLowerCase()}`,
    );
  return new Map(files.map(({ path }) => [path, plot]));
}

function inFolder(files: readonly Found[], folder: string, format: PlotFormat): Map<string, string> {
  const places = new Map<string, string>();
  const taken = new Map<string, string>();
  for (const { path, argument } of files) {
    const name = path === argument ? basename(path) : relative(argument, path);
    const place = join(folder, `${name}.${format}`);
    // As file systems see it that do not tell A from a.
    const other = taken.get(place.toLowerCase());
    if (other !== undefined && other !== path)
      throw new UserError(
        ExitCode.usage,
        `--plot ${folder}: ${other} and ${path} would have the same picture, ${place}`,
        'Plot them one after the other, or give the folder that both lie in.',
      );
    taken.set(place.toLowerCase(), path);
    places.set(path, place);
  }
  return places;
}
