import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, parse, relative, resolve } from 'node:path';
import { ExitCode, messageOf, UserError } from '../errors.js';

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
 * else into the folder OUTPUT. Of a folder everything but hidden files is taken, in the same structure.
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
  const { files, refused } = await walk(input, output);
  if (files.length + refused.length === 0)
    throw new UserError(ExitCode.noInput, `${input} holds no files`, 'Give a folder with audio files.');
  const conversions: Conversion[] = [];
  const sources = new Set(await Promise.all(files.map(({ source }) => real(source))));
  const targets = new Map<string, string>();
  for (const { source, name } of files) {
    const target = join(output, relative(input, dirname(source)), name);
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

interface Found {
  readonly source: string;
  /** File name of the result. */
  readonly name: string;
}

/**
 * All files below a folder. Links are followed, but no folder is entered twice (so a link back ends nothing in a
 * loop), and the results' folder never.
 */
async function walk(root: string, output: string): Promise<{ files: Found[]; refused: Refusal[] }> {
  const files: Found[] = [];
  const refused: Refusal[] = [];
  const seen = new Set([await real(output)]);
  const folders = [root];
  // Last of all: what a link leads to may be in the tree anyway, and belongs there.
  const linked: string[] = [];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop() ?? linked.pop()) {
    const realFolder = await real(folder);
    if (seen.has(realFolder)) continue;
    seen.add(realFolder);
    try {
      const names = { files: [] as string[], folders: [] as string[] };
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        if (entry.name.startsWith('.')) continue;
        const path = join(folder, entry.name);
        const link = entry.isSymbolicLink();
        const isFolder = link
          ? (await stat(path).catch(() => undefined))?.isDirectory()
          : entry.isDirectory();
        if (isFolder) (link ? linked : folders).push(path);
        (isFolder ? names.folders : names.files).push(entry.name);
      }
      for (const [file, name] of resultNames(names.files, names.folders))
        files.push({ source: join(folder, file), name });
    } catch (error) {
      const message = `${folder} cannot be read: ${messageOf(error)}`;
      refused.push({
        source: folder,
        error: new UserError(ExitCode.noInput, message, 'See that you may read it.'),
      });
    }
  }
  files.sort((a, b) => (a.source < b.source ? -1 : 1));
  return { files, refused };
}

/**
 * `a.mp3` becomes `a.wav`; where that name is wanted twice in a folder, it is left to `a.wav`, and others keep
 * their ending: `a.mp3.wav`.
 */
function resultNames(files: readonly string[], folders: readonly string[]): [file: string, name: string][] {
  const plain = (file: string) => `${parse(file).name}.wav`;
  const wanted = new Map<string, number>();
  for (const name of [...files.map(plain), ...folders])
    wanted.set(name.toLowerCase(), (wanted.get(name.toLowerCase()) ?? 0) + 1);
  const isWav = (file: string) => /\.wav$/i.test(file);
  return files.map((file) => {
    const contested = (wanted.get(plain(file).toLowerCase()) ?? 0) > 1;
    return [file, contested && !isWav(file) ? `${file}.wav` : plain(file)];
  });
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
