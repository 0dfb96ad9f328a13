import { join } from 'node:path';
import { ExitCode, UserError } from '../errors.js';
import { readBundle, writeBundle } from '../model/bundle.js';
import { importTflite } from '../model/import.js';
import { findBundle, listBundles } from '../model/shelf.js';
import { configFrom, shelvesOf } from './flags.js';
import { printError } from './print.js';

/** `models list`: name, version, heads and folder of every bundle; a damaged one is named and fails. */
export async function list(flags: { config?: string; json?: boolean }): Promise<ExitCode> {
  const shelves = shelvesOf(configFrom(flags));
  let exitCode: ExitCode = ExitCode.ok;
  for (const folder of await listBundles(shelves)) {
    try {
      const { manifest } = await readBundle(folder);
      const { name, version, frontEnd, description, licence, defaultHead } = manifest;
      const heads = Object.entries(manifest.heads).map(([head, { labels }]) => ({
        head,
        labels: labels.length,
      }));
      if (flags.json) {
        console.log(
          JSON.stringify({ name, version, frontEnd, heads, defaultHead, description, licence, folder }),
        );
        continue;
      }
      const headList = heads
        .map(({ head, labels }) => `${head}${head === defaultHead ? '*' : ''} (${labels})`)
        .join(', ');
      console.log(`${name} ${version}  heads: ${headList}  ${frontEnd}\n  ${description}\n  ${folder}`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      printError(error);
      exitCode ||= error.code;
    }
  }
  return exitCode;
}

/** `models import FILE… --name NAME`: writes the bundle into the state folder, whole or not at all. */
export async function importModel(
  files: string[],
  flags: { config?: string; name: string },
): Promise<ExitCode> {
  const shelves = shelvesOf(configFrom({ ...(flags.config && { config: flags.config }) }));
  const { manifest, tensors } = await importTflite(files, flags.name);
  const folder = join(shelves[0] as string, flags.name);
  await writeBundle(folder, manifest, tensors);
  // Read back what was written: it is verified before anyone relies on it.
  await readBundle(await findBundle(folder, shelves));
  console.log(`${flags.name}: ${Object.keys(manifest.heads).join(', ')} → ${folder}`);
  console.log(`Try it: bathnet2mqtt classify FILE --model ${flags.name}`);
  return ExitCode.ok;
}
