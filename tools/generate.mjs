// Writes what is generated, from schemas and AssemblyScript; run by "npm run generate" after a build.
import { writeFileSync } from 'node:fs';
import { configJsonSchema, defaultYaml } from '../dist/config/docs.js';
import { openApi } from '../dist/web/openapi.js';
import { logMelModule } from './assemble.mjs';

writeFileSync(new URL('../config/default.yaml', import.meta.url), defaultYaml());
writeFileSync(new URL('../config/schema.json', import.meta.url), configJsonSchema());
writeFileSync(new URL('../docs/openapi.json', import.meta.url), openApi());
writeFileSync(new URL('../src/features/log-mel-wasm.ts', import.meta.url), await logMelModule());
