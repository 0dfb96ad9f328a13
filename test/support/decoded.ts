import { expect } from 'vitest';
import { decodeFile } from '../../src/audio/decode.js';
import { ExitCode, UserError } from '../../src/errors.js';
import { collect } from './sound.js';

/** What is decoded of a file and what is said about it, without its path. */
export async function decoded(path: string): Promise<{ samples: Float32Array; warnings: string[] }> {
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message.replace(path, '').replace(/^: /, ''));
  return { samples: await collect(decodeFile(path, warn)), warnings };
}

/** Why a file is refused as bad data, without its path, and what helps. */
export async function refusal(path: string): Promise<{ reason: string; hint: string }> {
  const error = await collect(decodeFile(path)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  const { code, message, hint } = error as UserError;
  expect(code).toBe(ExitCode.badData);
  expect(message).toContain(`${path}: `);
  return { reason: message.replace(`${path}: `, ''), hint };
}

/** An ID3v2 tag with so many bytes in it. */
export function id3(bytes: number): Buffer {
  const length = [21, 14, 7, 0].map((shift) => (bytes >> shift) & 127);
  return Buffer.concat([Buffer.from('ID3\x04\0\0'), Buffer.from(length), Buffer.alloc(bytes, 0xff)]);
}
