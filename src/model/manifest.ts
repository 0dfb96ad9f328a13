import { z } from 'zod';
import { SENSITIVITIES } from '../constants.js';
import { ExitCode, messageOf, UserError } from '../errors.js';
import { denseLayers } from './dense-manifest.js';
import { eventManifest, eventProblems } from './event-manifest.js';
import { headNamed } from './head.js';
import { quantization, quantizationProblems } from './quantization-manifest.js';

/** One line each, and a key of JSON objects. */
const label = z
  .string()
  .min(1)
  .refine((text) => !/\p{Cc}/u.test(text) && text !== '__proto__', 'not a name of a class');
const labels = z.array(label).min(1);

const denseHead = z.strictObject({
  type: z.literal('dense'),
  labels,
  /** From the embedding to the scores. */
  layers: denseLayers,
});

/** Each label scores as the highest of the classes that speak for it; the scores are divided by their sum. */
const mapHead = z.strictObject({
  type: z.literal('map'),
  labels,
  /** The dense head whose labels are mapped. */
  from: z.string(),
  classes: z.record(z.string(), labels),
  /** The label for which every class speaks that `classes` does not name. */
  rest: z.string(),
});

/**
 * Several opinions pooled log-linearly: softmax over the labels of bias + Σ weight · ln(score). A weight is how much
 * a part is trusted (an inverse temperature), a bias corrects how often a class is expected.
 */
const blendHead = z.strictObject({
  type: z.literal('blend'),
  labels,
  /** Other heads with the same labels, none of them a blend. */
  parts: z.array(z.strictObject({ head: z.string(), weight: z.number() })).min(1),
  /** One per label. */
  bias: z.array(z.number()),
});

const alarm = z.strictObject({
  labels: z.array(z.string()),
  threshold: z.number().min(0).max(1).optional(),
  hits: z.int().positive().optional(),
  window: z.int().positive().optional(),
  instantThreshold: z.number().min(0).max(1).optional(),
  /** Of a bundle with an event head. */
  sensitivity: z.enum(SENSITIVITIES).optional(),
});

const head = z.discriminatedUnion('type', [
  denseHead.extend({ alarm: alarm.optional() }),
  mapHead.extend({ alarm: alarm.optional() }),
  blendHead.extend({ alarm: alarm.optional() }),
]);

const convolution = z.strictObject({
  type: z.enum(['conv', 'separable']),
  kernel: z.int().positive(),
  stride: z.int().positive(),
  filters: z.int().positive(),
});

const bundleName = z.string().regex(/^[a-z0-9][a-z0-9._-]*$/);

export const manifestSchema = z.strictObject({
  format: z.literal(1),
  name: bundleName,
  version: z.string().min(1),
  description: z.string(),
  licence: z.string(),
  source: z.string(),
  frontEnd: z.enum(['yamnet-log-mel', 'librosa-db-mel']),
  backbone: z.array(convolution).min(1),
  embeddingSize: z.int().positive(),
  heads: z.record(z.string().regex(/^[a-z0-9-]+$/), head),
  defaultHead: z.string(),
  /** What kind of event the last seconds were; left out in bundles that tell only classes. */
  event: eventManifest.optional(),
  /** The bundle that hears beside this one, which has no event head of its own, and decides the same classes with it. */
  eventModel: bundleName.optional(),
  /** How the backbone is computed in int8; left out where nobody calibrated it. */
  quantization: quantization.optional(),
  metrics: z.record(z.string(), z.union([z.number(), z.string()])).optional(),
  weights: z.strictObject({
    bytes: z.int().positive(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
  }),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type Head = Manifest['heads'][string];
export type DenseHead = Extract<Head, { type: 'dense' }>;
export type MapHead = Extract<Head, { type: 'map' }>;
export type BlendHead = Extract<Head, { type: 'blend' }>;

/** Zod else compiles code for each object of a schema first, which takes longer than to look at one file. */
const ONCE = { jitless: true };

/**
 * @param bytes of the file
 * @param path for errors
 * @throws UserError bad data, where it is not JSON, not of this schema, or contradicts itself
 */
export function parseManifest(bytes: Uint8Array, path: string): Manifest {
  const manifest = parseJson(bytes, path, manifestSchema, {
    what: 'a model bundle of this version',
    hint: 'Get the model again, or import it with this version: bathnet2mqtt models import',
  });
  checkReferences(manifest, path);
  return manifest;
}

/** @throws UserError bad data, where the bytes are not JSON or not of the schema */
export function parseJson<T>(
  bytes: Uint8Array,
  path: string,
  schema: z.ZodType<T>,
  { what, hint }: { readonly what: string; readonly hint: string },
): T {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new UserError(
      ExitCode.badData,
      `${path} is not JSON: ${messageOf(error)}`,
      'Get the model again: the file is damaged.',
    );
  }
  const result = schema.safeParse(json, ONCE);
  if (result.success) return result.data;
  throw new UserError(ExitCode.badData, `${path} is not ${what}:\n${z.prettifyError(result.error)}`, hint);
}

/**
 * What the schema cannot say: heads, labels and sizes that refer to each other.
 *
 * @throws UserError bad data, with all that is wrong
 */
export function checkReferences(
  manifest: Pick<Manifest, 'heads' | 'backbone' | 'embeddingSize' | 'defaultHead' | 'event' | 'quantization'>,
  path: string,
): void {
  const problems: string[] = [];
  const { heads, backbone, embeddingSize, defaultHead, event, quantization } = manifest;
  if (!headNamed(heads, defaultHead)) problems.push(`defaultHead "${defaultHead}" is none of its heads`);
  if (backbone.at(-1)?.filters !== embeddingSize)
    problems.push(
      `embeddingSize is ${embeddingSize}, the last layer has ${backbone.at(-1)?.filters} filters`,
    );
  for (const [name, head] of Object.entries(heads))
    problems.push(...headProblems(head, heads).map((problem) => `head ${name}${problem}`));
  if (event) problems.push(...eventProblems(event).map((problem) => `event${problem}`));
  if (quantization)
    problems.push(...quantizationProblems(quantization, backbone).map((problem) => `quantization${problem}`));
  if (problems.length > 0)
    throw new UserError(
      ExitCode.badData,
      `${path} contradicts itself:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
      'Get the model again, or mend the file.',
    );
}

/** Each as the rest of a sentence that begins with the head's name. */
function headProblems(head: Head, heads: Manifest['heads']): string[] {
  const problems: string[] = [];
  const known = new Set(head.labels);
  if (known.size !== head.labels.length) problems.push(' has a label twice');
  for (const label of head.alarm?.labels ?? [])
    if (!known.has(label)) problems.push(`: alarm label "${label}" is none of its labels`);
  if (head.type === 'dense') {
    if (head.layers.at(-1)?.units !== head.labels.length)
      problems.push(`: ${head.layers.at(-1)?.units} outputs, ${head.labels.length} labels`);
    return problems;
  }
  return [...problems, ...(head.type === 'map' ? mapProblems(head, heads) : blendProblems(head, heads))];
}

function mapProblems(head: MapHead, heads: Manifest['heads']): string[] {
  const from = headNamed(heads, head.from);
  if (from?.type !== 'dense') return [` maps "${head.from}", which is no dense head`];
  const problems: string[] = [];
  for (const [label, classes] of Object.entries(head.classes)) {
    if (!head.labels.includes(label)) problems.push(`: "${label}" is none of its labels`);
    for (const each of classes)
      if (!from.labels.includes(each)) problems.push(`: head ${head.from} has no class "${each}"`);
  }
  if (!head.labels.includes(head.rest)) problems.push(`: rest "${head.rest}" is none of its labels`);
  return problems;
}

function blendProblems(head: BlendHead, heads: Manifest['heads']): string[] {
  const problems: string[] = [];
  const names = head.parts.map((part) => part.head);
  if (new Set(names).size !== names.length) problems.push(' blends a head twice');
  if (head.bias.length !== head.labels.length)
    problems.push(`: ${head.bias.length} biases, ${head.labels.length} labels`);
  for (const name of names) {
    const part = headNamed(heads, name);
    if (part === undefined) problems.push(` blends "${name}", which is none of the heads`);
    else if (part.type === 'blend') problems.push(` blends "${name}", which is a blend itself`);
    else if (part.labels.join('\n') !== head.labels.join('\n'))
      problems.push(
        `: head ${name} has the labels ${few(part.labels)}, not ${few(head.labels)} in this order`,
      );
  }
  return problems;
}

function few(labels: readonly string[]): string {
  return `${labels.slice(0, 6).join(', ')}${labels.length > 6 ? ', …' : ''}`;
}
