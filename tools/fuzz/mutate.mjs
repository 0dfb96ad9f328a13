// What a damaged disk, a bad download or somebody in bad faith makes of a valid sample: all of it follows from the
// numbers that `random` gives.

/** Where sizes, signs and indices go wrong. */
const INTEGERS = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 64, 100, 127, 128, 255, 256, 512, 1000, 1024, 4096]
  .concat([32767, 32768, 65535, 65536, 1e6, 2 ** 24, 2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32])
  .concat([2 ** 40, 2 ** 48, Number.MAX_SAFE_INTEGER, 2 ** 53, 2 ** 62]);

const VALUES = [
  null,
  true,
  false,
  '',
  ' ',
  '0',
  'ON',
  '__proto__',
  'constructor',
  'é\u0000\u001b[2J',
  '\ud800',
]
  .concat([-1, 0.5, -0.5, 1e-320, 1e308, -1e308, 1e21])
  .concat(INTEGERS.slice(0, -1));

/** Stands for brackets in brackets, deeper than a tree in memory can be written out. */
const DEEP = '(deep)';

/** Given by function: what is put into a value must be nobody else's. */
const MADE = [
  () => [],
  () => ({}),
  () => ({ ['__proto__']: {} }),
  () => [[[[[[]]]]]],
  () => 'x'.repeat(3000),
  () => DEEP,
  () => Array.from({ length: 300 }, (_, i) => i),
];

/** What means something to a reader of YAML, `.env` or text commands. */
const TOKENS = [
  '&a ',
  '*a',
  '<<: *a',
  '!!binary ',
  '!!set ',
  '!!omap ',
  '!!float ',
  '!!js/function ',
  '? ',
  '- ',
]
  .concat([
    '{',
    '}',
    '[',
    ']',
    '|\n',
    '>\n',
    '"',
    "'",
    '\\',
    '\t',
    '\r\n',
    '\n',
    '\0',
    '#',
    ': ',
    '---\n',
    '...\n',
  ])
  .concat([
    '%YAML 1.1\n---\n',
    '=',
    '$HOME',
    '%',
    '~',
    '.inf',
    '.nan',
    '0x10',
    '1_000',
    '2001-01-01',
    '🛁',
    '\ufeff',
  ]);

/** A whole number in 0…limit−1. */
export const below = (random, limit) => Math.floor(random() * limit);
export const pick = (random, values) => values[below(random, values.length)];

/**
 * One to eight changes: bits, bytes, integers, and pieces cut out, doubled, moved or taken from another sample.
 *
 * @param samples the first of them is changed, all may lend a piece
 */
export function mutateBytes(random, sample, samples = [sample]) {
  let bytes = Buffer.from(sample);
  for (let left = 1 + below(random, pick(random, [1, 2, 8])); left > 0 && bytes.length > 0; left--)
    bytes = pick(random, below(random, 4) ? IN_PLACE : MOVED)(random, bytes, samples);
  return bytes;
}

/** What stays where it was comes deeper into a reader. */
const IN_PLACE = [
  (random, bytes) => {
    bytes[place(random, bytes)] ^= 1 << below(random, 8);
    return bytes;
  },
  (random, bytes) => {
    bytes[place(random, bytes)] = below(random, 256);
    return bytes;
  },
  putInteger,
];

const MOVED = [
  (random, bytes) => bytes.subarray(0, below(random, bytes.length)),
  (random, bytes) => spliced(random, bytes, ''),
  (random, bytes) => spliced(random, bytes, piece(random, bytes)),
  (random, bytes, samples) => spliced(random, bytes, piece(random, pick(random, samples))),
  (random, bytes) => spliced(random, bytes, Buffer.alloc(below(random, 64), below(random, 2) * 255)),
  (random, bytes, samples) => {
    const other = pick(random, samples);
    return Buffer.concat([
      bytes.subarray(0, below(random, bytes.length)),
      other.subarray(below(random, other.length)),
    ]);
  },
];

/** Rather one that says something: files have long runs of zeros that nobody reads. */
function place(random, bytes) {
  let at = below(random, bytes.length);
  for (let tries = 3; tries > 0 && bytes[at] === 0; tries--) at = below(random, bytes.length);
  return at;
}

function putInteger(random, bytes) {
  const width = Math.min(bytes.length, 2 ** below(random, 4));
  const at = Math.min(place(random, bytes), bytes.length - width);
  const sign = below(random, 4) === 0 ? -1n : 1n;
  const word = Buffer.alloc(8);
  word.writeBigInt64LE(
    BigInt.asIntN(64, sign * BigInt(pick(random, INTEGERS)) + BigInt(below(random, 3) - 1)),
  );
  const part = word.subarray(0, width);
  if (below(random, 2)) part.reverse();
  part.copy(bytes, at);
  return bytes;
}

/** Up to 64 bytes, seldom a large part. */
function piece(random, bytes) {
  const at = below(random, bytes.length);
  return bytes.subarray(at, at + below(random, random() < 0.1 ? bytes.length : 64));
}

/** Something goes in, and up to 64 bytes go out. */
function spliced(random, bytes, inserted) {
  const at = below(random, bytes.length);
  return Buffer.concat([
    bytes.subarray(0, at),
    Buffer.from(inserted),
    bytes.subarray(at + below(random, 64)),
  ]);
}

/** One to four changes of lines and of what means something; or of bytes. */
export function mutateText(random, sample) {
  if (below(random, 4) === 0) return mutateBytes(random, Buffer.from(sample)).toString('utf8');
  let lines = sample.split('\n');
  for (let left = 1 + below(random, 4); left > 0; left--) {
    const at = below(random, lines.length);
    const line = lines[at] ?? '';
    const column = below(random, line.length + 1);
    lines = pick(random, [
      () => lines.toSpliced(at, 1 + below(random, 3)),
      () => lines.toSpliced(at, 0, pick(random, lines) ?? ''),
      () => lines.toSpliced(at, 1, `${' '.repeat(below(random, 6))}${line.trimStart()}`),
      () => lines.toSpliced(at, 1, line.slice(0, column) + pick(random, TOKENS) + line.slice(column)),
      () =>
        lines.toSpliced(
          at,
          1,
          line.replace(/: .*/, () => `: ${pick(random, TOKENS)}`),
        ),
      () =>
        lines.toSpliced(
          at,
          1,
          line.replace(/: .*/, () => `: ${JSON.stringify(value(random))}`),
        ),
      () => lines.toSpliced(at, 1, line.slice(0, 100).repeat(2 + below(random, 50))),
      () => lines.toSpliced(at, 1, `${line}${pick(random, ['[', '{a: ', '- ']).repeat(below(random, 3000))}`),
    ])();
  }
  return lines.join('\n');
}

/** As JSON text; undefined becomes nothing at all. */
export function mutateJsonText(random, sample) {
  const text = JSON.stringify(mutateJson(random, sample)) ?? '';
  const depth = pick(random, [1000, 20_000, 100_000]);
  return text.replace(`"${DEEP}"`, () => '['.repeat(depth) + ']'.repeat(depth));
}

/** A copy with one to four changes anywhere in the tree: another value, key or place, one gone, one too many. */
export function mutateJson(random, sample) {
  const root = { root: structuredClone(sample) };
  for (let left = 1 + below(random, 4); left > 0; left--) {
    const places = placesIn(root);
    if (places.length === 0) break;
    const [node, key] = pick(random, places);
    const [otherNode, otherKey] = pick(random, places);
    pick(random, [
      () => put(node, key, value(random)),
      () => put(node, key, value(random)),
      () => delete node[key],
      () =>
        Array.isArray(node) &&
        node.splice(below(random, node.length), below(random, 2), node[key], node[key]),
      () => !Array.isArray(node) && node !== root && put(node, `${pick(random, VALUES)}`, node[key]),
      () => node !== root && put(node, key, structuredClone(otherNode[otherKey])),
      () => typeof node[key] === 'string' && put(node, key, mutateText(random, node[key])),
      () => typeof node[key] === 'number' && put(node, key, node[key] * (random() * 4 - 2)),
    ])();
  }
  return root.root;
}

function value(random) {
  return random() < 0.7 ? pick(random, VALUES) : pick(random, MADE)();
}

/** Not by assignment: a key may be called `__proto__`. */
function put(node, key, value) {
  Object.defineProperty(node, key, { value, configurable: true, enumerable: true, writable: true });
}

/** Every value of the tree as its holder and key, as far as it is no deeper than anybody would nest. */
function placesIn(node, depth = 0) {
  if (typeof node !== 'object' || node === null || depth > 12) return [];
  return Object.keys(node).flatMap((key) => [[node, key], ...placesIn(node[key], depth + 1)]);
}
