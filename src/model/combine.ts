import { ExitCode, UserError } from '../errors.js';
import type { Bundle } from './bundle.js';
import { backboneFingerprint } from './fingerprint.js';
import { headsBehind } from './head.js';
import type { Head, Manifest } from './manifest.js';

/**
 * A bundle with the default head of another one, if that head can work on this one's embeddings. A blend brings
 * its parts along; what a part maps must be among this bundle's heads.
 *
 * @returns the bundle, whose default head is the new one
 * @throws UserError usage, naming the reason, where the head does not fit
 */
export function withHeadOf(bundle: Bundle, other: Bundle): Bundle {
  const { manifest } = bundle;
  const { defaultHead: name, heads: its } = other.manifest;
  const head = its[name] as Head;
  const refused = (why: string) =>
    new UserError(
      ExitCode.usage,
      `head "${name}" of ${other.manifest.name} does not fit model ${manifest.name}: ${why}`,
      `Run it on its own backbone (--model instead of --head), or train it on this one (train --model ${manifest.name}).`,
    );
  if (head.type === 'map') throw refused('it maps the scores of another head, and has no layers of its own');
  for (const key of ['frontEnd', 'embeddingSize'] as const)
    if (manifest[key] !== other.manifest[key])
      throw refused(`its ${key} is ${other.manifest[key]}, the model's is ${manifest[key]}`);
  if (backboneFingerprint(bundle) !== backboneFingerprint(other))
    throw refused('it was trained on a backbone with other layers or weights');

  const names = head.type === 'blend' ? [...head.parts.map((part) => part.head), name] : [name];
  const brought = Object.fromEntries(names.map((each) => [each, its[each] as Head]));
  const combined = withHeads(manifest, brought);
  for (const [each, part] of Object.entries(brought)) {
    if (part.type !== 'map') continue;
    const from = combined[part.from];
    if (from?.type !== 'dense' || from.labels.join('\n') !== its[part.from]?.labels.join('\n'))
      throw refused(
        `its part "${each}" maps head "${part.from}", which the model has not with the same labels`,
      );
  }
  const isBrought = (key: string) => names.some((each) => key.startsWith(`heads.${each}.`));
  return {
    ...bundle,
    manifest: { ...manifest, heads: combined, defaultHead: name },
    tensors: new Map([
      ...[...bundle.tensors].filter(([key]) => !isBrought(key)),
      ...[...other.tensors].filter(([key]) => isBrought(key)),
    ]),
  };
}

/**
 * The heads of a bundle and others, which replace those of the same name. Heads that were made of a replaced one
 * go with it: of another one they would make something else.
 */
export function withHeads(manifest: Pick<Manifest, 'heads'>, added: Manifest['heads']): Manifest['heads'] {
  const kept = Object.entries(manifest.heads).filter(
    ([name]) => !headsBehind(manifest, name).some((each) => Object.hasOwn(added, each)),
  );
  return { ...Object.fromEntries(kept), ...added };
}
