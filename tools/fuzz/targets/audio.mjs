import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeFile } from '../../../dist/audio/decode.js';
import { below, mutateBytes } from '../mutate.mjs';

/** Files of sound: decoded to their end. */
export function start(names) {
  const samples = names.map((name) => readFileSync(new URL(`../samples/${name}`, import.meta.url)));
  const folder = mkdtempSync(join(tmpdir(), 'bathnet-fuzz-audio-'));
  const path = join(folder, 'sound');
  return {
    input(random) {
      const bytes = mutateBytes(random, samples[0], samples);
      // A page with a wrong checksum is not looked at: most shall have the right one.
      return below(random, 4) ? withChecksums(bytes) : bytes;
    },
    async run(input) {
      writeFileSync(path, input);
      for await (const block of decodeFile(path))
        if (block.some(Number.isNaN)) throw new Error('a sample is no number');
    },
    stop: () => rmSync(folder, { recursive: true }),
  };
}

const POLYNOMIAL = 0x04c11db7;
const CHECKSUM = 22;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte << 24;
  for (let bit = 0; bit < 8; bit++) rest = (rest << 1) ^ (rest < 0 ? POLYNOMIAL : 0);
  return rest;
});

/** Every page of an OGG file gets the checksum that fits its bytes (RFC 3533, section 6). */
function withChecksums(bytes) {
  for (let at = bytes.indexOf('OggS'); at >= 0 && at + 27 <= bytes.length; ) {
    const next = bytes.indexOf('OggS', at + 4);
    const segments = bytes.subarray(at + 27, at + 27 + bytes[at + 26]);
    const length = 27 + segments.length + segments.reduce((sum, each) => sum + each, 0);
    const page = bytes.subarray(at, at + length);
    page.writeUInt32LE(0, CHECKSUM);
    let sum = 0;
    for (const byte of page) sum = (sum << 8) ^ TABLE[(sum >>> 24) ^ byte];
    page.writeUInt32LE(sum >>> 0, CHECKSUM);
    at = next;
  }
  return bytes;
}
