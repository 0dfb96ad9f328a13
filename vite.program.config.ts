import { readFileSync } from 'node:fs';
import { defineConfig, type Rolldown } from 'vite';

const { optionalDependencies } = JSON.parse(
  readFileSync(new URL('package.json', import.meta.url), 'utf8'),
) as { optionalDependencies: Record<string, string> };

/** Each in a file of its own with what it needs: who does not speak MQTT does not load it. */
const PACKAGES = ['commander', 'mqtt', 'pino', 'pino-pretty', 'protobufjs', 'yaml', 'zod'];

/**
 * The program, in few files: dist/main.js and what it loads, dist/bundle. To find, read and link hundreds of modules
 * would take most of the time until it hears. What a command does not need lies in files that it does not load, and
 * threads and child processes are programs of their own.
 *
 * It is not minified: what a stack trace says can be read, and is found by its name.
 */
export default defineConfig({
  publicDir: false,
  // Node's own streams, which that package is a copy of and takes where it is told to (READABLE_STREAM=disable).
  resolve: { alias: { 'readable-stream': 'node:stream' } },
  plugins: [{ name: 'ascii', generateBundle: (_, files) => Object.values(files).forEach(toAscii) }],
  ssr: {
    target: 'node',
    noExternal: true,
    // Native, or there by chance; TensorFlow.js is one for whichever of its engines is installed, and reads files.
    external: [
      ...Object.keys(optionalDependencies),
      '@tensorflow/tfjs-core',
      '@tensorflow/tfjs-backend-wasm',
    ],
  },
  build: {
    ssr: true,
    outDir: 'dist',
    emptyOutDir: false,
    target: 'node20',
    minify: false,
    license: { fileName: 'bundle/licenses.md' },
    reportCompressedSize: false,
    rolldownOptions: {
      input: {
        main: 'src/main.ts',
        'bundle/capture-child': 'src/audio/capture-child.ts',
        'bundle/convert-thread': 'src/files/convert-thread.ts',
        'bundle/hear-thread': 'src/files/hear-thread.ts',
        'bundle/neuron-child': 'src/model/neuron/neuron-child.ts',
      },
      output: {
        entryFileNames: '[name].js',
        chunkFileNames: 'bundle/[name].js',
        comments: { annotation: false, jsdoc: false },
        codeSplitting: { groups: PACKAGES.map((name) => ({ name, test: `/node_modules/${name}/` })) },
      },
    },
  },
});

/**
 * V8 keeps the text of what it runs, in two bytes for each character where one of them needs two. Raw texts, with a
 * codec's WebAssembly in them, stay as they are: an escape would be none.
 */
function toAscii(file: Rolldown.OutputAsset | Rolldown.OutputChunk): void {
  if (file.type !== 'chunk' || file.code.includes('String.raw')) return;
  file.code = file.code.replaceAll(
    /[^\0-\x7f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
