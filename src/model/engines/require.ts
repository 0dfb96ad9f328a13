import { createRequire } from 'node:module';

/**
 * Loads an engine's package, which is CommonJS: where it were imported, Node would first search all of its text for
 * what it exports. Of TensorFlow.js these are a million characters.
 */
export const require = createRequire(import.meta.url);
