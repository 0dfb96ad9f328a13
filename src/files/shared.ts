import type { Bundle } from '../model/bundle.js';
import type { HearSetup } from './hear-protocol.js';

/** The same, with everything large in memory that all threads see: copies of a model would add up. */
export function shared(setup: HearSetup): HearSetup {
  const { bundle, surroundings } = setup;
  return {
    ...setup,
    bundle: sharedBundle(bundle),
    surroundings: surroundings && { ...surroundings, pieces: surroundings.pieces.map(sharedCopy) },
  };
}

function sharedBundle(bundle: Bundle): Bundle {
  const { tensors, events, ...rest } = bundle;
  const copies = [...tensors].map(
    ([name, { shape, data }]) => [name, { shape, data: sharedCopy(data) }] as const,
  );
  return { ...rest, tensors: new Map(copies), ...(events && { events: sharedBundle(events) }) };
}

function sharedCopy(values: Float32Array): Float32Array {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const copy = new Float32Array(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}
