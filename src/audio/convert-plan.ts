import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, parse, relative, resolve } from 'node:path';
import { AUDIO_EXTENSIONS } from '../constants.js';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { filesBelow } from '../system/files-below.js';

export interface Conversion {
  readonly source: string;
  readonly target: string;
}

export interface Refusal {
  readonly source: string;
  readonly error: UserError;
}

/**
 * What `convert INPUT OUTPUT` has to do, in the order of the paths. A file goes to OUTPUT where that ends in .wav,
 * else into the folder OUTPUT. Of a folder everything but hidden files is taken, each once, in the same structure.
 *
 * @returns the conversions, and what cannot be converted
 * @throws UserError no input, where there is nothing; usage, where the result would take the place of its source
 */
export async function planConversions(
  input: string,
  output: string,
): Promise<{ conversions: Conversion[]; refused: Refusal[] }> {
  const kind = await stat(input).catch((error: unknown) => {
    throw new UserError(
      ExitCode.noInput,
      `${input} cannot be read: ${messageOf(error)}`,
      'Give the path of an audio file or of a folder with some.',
    );
  });
  const outputKind = await stat(output).catch(() => undefined);
  if (!kind.isDirectory()) {
    const isFile = /\.wav$/i.test(output) && !outputKind?.isDirectory();
    // A folder of such a name is hardly meant.
    if (!isFile && !outputKind && AUDIO_EXTENSIONS.includes(extname(output).toLowerCase()))
      throw new UserError(
        ExitCode.usage,
        `${output}: the result is a WAV file, not a ${extname(output)} file`,
        'Give it a name that ends in .wav, or name a folder.',
      );
    const target = isFile ? output : join(output, `${parse(input).name}.wav`);
    if ((await real(target)) === (await real(input))) throw intoItself(input);
    return { conversions: [{ source: input, target }], refused: [] };
  }
  if ((await real(input)) === (await real(output))) throw intoItself(input);
  if (outputKind && !outputKind.isDirectory())
    throw new UserError(
      ExitCode.cannotCreate,
      `${output} is a file, but the results of a folder need a folder`,
      'Name a folder; it is made if it does not exist.',
    );
  const { files, unreadable } = await filesBelow(input, await real(output)); // never its own results
  if (files.length + unreadable.length === 0)
    throw new UserError(ExitCode.noInput, `${input} holds no files`, 'Give a folder with audio files.');
  const conversions: Conversion[] = [];
  const refused: Refusal[] = unreadable.map(({ folder, error }) => ({
    source: folder,
    error: new UserError(
      ExitCode.noInput,
      `${folder} cannot be read: ${messageOf(error)}`,
      'See that you may read it.',
    ),
  }));
  const sources = new Set(await Promise.all(files.map(real)));
  const targets = new Map<string, string>();
  const results = resultsOf(files.map((file) => relative(input, file)));
  for (const [i, source] of files.entries()) {
    const target = join(output, results[i]!);
    // As file systems see it that do not tell A from a.
    const other = targets.get(target.toLowerCase());
    targets.set(target.toLowerCase(), source);
    const hindrance = sources.has(await real(target))
      ? 'is a source itself'
      : other && `is made from ${other}`;
    if (hindrance === undefined) conversions.push({ source, target });
    else
      refused.push({
        source,
        error: new UserError(
          ExitCode.cannotCreate,
          `${source}: its result ${target} ${hindrance}`,
          'Rename one of the two, or choose another place for the results.',
        ),
      });
  }
  return { conversions, refused };
}

/**
 * `a.mp3` becomes `a.wav`; where that name is wanted twice in a folder, it is left to `a.wav`, and others keep
 * their ending: `a.mp3.wav`.
 *
 * @param files paths below the folder, as those of the results are
 */
function resultsOf(files: readonly string[]): string[] {
  const plain = (file: string) => join(dirname(file), `${parse(file).name}.wav`);
  const folders = new Set(files.flatMap(foldersOf));
  const wanted = new Map<string, number>();
  for (const name of [...files.map(plain), ...folders])
    wanted.set(name.toLowerCase(), (wanted.get(name.toLowerCase()) ?? 0) + 1);
  const isWav = (file: string) => /\.wav$/i.test(file);
  return files.map((file) => {
    const contested = (wanted.get(plain(file).toLowerCase()) ?? 0) > 1;
    return contested && !isWav(file) ? `${file}.wav` : plain(file);
  });
}

/** Those that a file lies in. */
function foldersOf(file: string): string[] {
  const folder = dirname(file);
  return folder === '.' ? [] : [folder, ...foldersOf(folder)];
}

/** Without links, of what exists yet; the same for two paths to the same place. */
async function real(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const absolute = resolve(path);
    const parent = dirname(absolute);
    return parent === absolute ? absolute : join(await real(parent), basename(absolute));
  }
}

function intoItself(input: string): UserError {
  return new UserError(
    ExitCode.usage,
    `${input} would be converted into itself`,
    'Name another place for the result: your recordings are never overwritten.',
  );
}
