import type { Problem } from './problems.js';
import { isTree, setPath, type Tree } from './tree.js';

/** What a microphone can have of its own; everything else is that of all. */
const OWN_SECTIONS = [
  'device',
  'input',
  'alarm',
  'sense',
  'sounds',
  'quietHours',
  'notify',
  'clips',
  'web',
] as const;
/** One process on a small board hears no more; each costs memory, a connection and two log-mels a second. */
const MOST_INPUTS = 16;

/** The values of one microphone, and which of its sections are its own. */
export interface InputValues {
  readonly values: Tree;
  readonly own: ReadonlySet<string>;
}

/**
 * The values of each microphone: the sections of an entry of `inputs` over those of all.
 *
 * @param common all values but `inputs`
 * @param flags what the command line says, by path: over those of an entry, too, but for `device`
 * @returns also what is wrong with the list; not with what its sections hold
 */
export function valuesOfInputs(
  common: Tree,
  inputs: unknown,
  flags: readonly (readonly [path: string, value: unknown])[],
): { readonly problems: readonly Problem[]; readonly all: readonly InputValues[] } {
  if (!Array.isArray(inputs) || inputs.length === 0 || inputs.length > MOST_INPUTS)
    return {
      problems: [{ path: 'inputs', text: `expected a list of 1 to ${MOST_INPUTS} microphones` }],
      all: [],
    };
  const problems: Problem[] = [];
  const ids = new Set<unknown>();
  let stdin = false;
  const all = inputs.map((entry: unknown, i) => {
    const path = `inputs.${i}`;
    const own = isTree(entry) ? entry : {};
    if (own !== entry) problems.push({ path, text: 'expected sections such as "device:"' });
    for (const key of Object.keys(own))
      if (!OWN_SECTIONS.some((section) => section === key))
        problems.push({ path: `${path}.${key}`, text: `expected one of ${OWN_SECTIONS.join(', ')}` });
    const id = isTree(own.device) ? own.device.id : undefined;
    if (id === undefined) problems.push({ path: `${path}.device.id`, text: 'expected an id of its own' });
    else if (ids.has(id)) problems.push({ path: `${path}.device.id`, text: 'is that of another input' });
    ids.add(id);
    const values: Tree = { ...common };
    for (const [section, value] of Object.entries(own))
      values[section] = isTree(value) ? { ...asTree(common[section]), ...value } : value;
    const isStdin = isTree(values.input) && values.input.source === 'stdin';
    if (isStdin && stdin)
      problems.push({
        path: `${path}.input.source`,
        text: 'expected stdin once: each would hear a part of it',
      });
    stdin ||= isStdin;
    for (const [path, value] of flags) {
      const [section = ''] = path.split('.');
      if (section !== 'device' && section in own) setPath(values, path, value);
    }
    return { values, own: new Set(Object.keys(own)) };
  });
  return { problems, all };
}

const asTree = (value: unknown): Tree => (isTree(value) ? value : {});
