import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ExitCode, messageOf, UserError } from '../../errors.js';
import type { Bundle } from '../bundle.js';
import { backboneFingerprint, sha256Of } from '../fingerprint.js';

/** The backbone compiled for an NPU, in the folder of its bundle. */
const COMPILED_FILE = 'backbone.dla';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** What lies beside a compiled backbone, and ties it to the weights it was made of. */
const sidecarSchema = z.object({
  /** `backboneFingerprint` of the bundle. */
  backbone: sha256,
  /** Of the compiled file. */
  sha256,
  compiler: z.array(z.string()),
});
export type Sidecar = z.infer<typeof sidecarSchema>;

/** Where a bundle's compiled backbone lies unless the configuration says otherwise. */
export function compiledFile({ folder, manifest }: Bundle): string {
  return join(folder ?? manifest.name, COMPILED_FILE);
}

export function sidecarFile(compiled: string): string {
  return `${compiled}.json`;
}

/** @param compiler the command that made it */
export function sidecarOf(bundle: Bundle, compiled: Uint8Array, compiler: string[]): Sidecar {
  return { backbone: backboneFingerprint(bundle), sha256: sha256Of(compiled), compiler };
}

/**
 * Whether a compiled backbone is whole and was made of this bundle's.
 *
 * @throws UserError no input, where there is none; bad data, where it is damaged or was made of other weights
 */
export async function checkCompiled(path: string, bundle: Bundle): Promise<void> {
  const { manifest } = bundle;
  const mend = `Compile it again: bathnet2mqtt models compile ${bundle.folder ?? manifest.name} --output ${path} --force`;
  const compiled = await readFile(path).catch((error) => {
    throw new UserError(
      ExitCode.noInput,
      `there is no compiled backbone of model ${manifest.name}: ${messageOf(error)}`,
      `Make it: bathnet2mqtt models compile ${manifest.name} (docs/vab5000.md), or set model.engine to auto.`,
      { cause: error },
    );
  });
  const refused = (what: string) => new UserError(ExitCode.badData, `${path}: ${what}`, mend);
  const sidecar = await readSidecar(sidecarFile(path)).catch((error) => {
    throw refused(
      `what says of which weights it was made, ${sidecarFile(path)}, cannot be read: ${messageOf(error)}`,
    );
  });
  if (sidecar.sha256 !== sha256Of(compiled))
    throw refused(
      'it is not the file that was compiled: it is damaged, or was copied without what lies beside it',
    );
  if (sidecar.backbone !== backboneFingerprint(bundle))
    throw refused(`it was compiled of other weights than model ${manifest.name} ${manifest.version} has`);
}

async function readSidecar(path: string): Promise<Sidecar> {
  return sidecarSchema.parse(JSON.parse(await readFile(path, 'utf8')));
}
