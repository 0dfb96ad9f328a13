// The WebAssembly of src/features/assembly/, as the module that "npm run generate" writes.
import { readFile } from 'node:fs/promises';
import asc from 'assemblyscript/asc';

const SOURCE = 'log-mel.ts';
const OPTIONS = ['--optimizeLevel', '3', '--noAssert', '--runtime', 'stub', '--enable', 'simd'];

/** The text of src/features/log-mel-wasm.ts. */
export async function logMelModule() {
  const source = await readFile(new URL(`../src/features/assembly/${SOURCE}`, import.meta.url), 'utf8');
  let wasm;
  const { error, stderr } = await asc.main([SOURCE, ...OPTIONS, '--outFile', 'log-mel.wasm'], {
    readFile: (name) => (name === SOURCE ? source : null),
    writeFile: (_, contents) => {
      wasm = contents;
    },
    listFiles: () => [],
  });
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return `/** assembly/${SOURCE}, by AssemblyScript, in Base64; "npm run generate" writes this file. */
export const LOG_MEL_WASM =
  '${Buffer.from(wasm).toString('base64')}';
`;
}
