// Writes what is generated from the configuration's schema; run by "npm run generate" after a build.
import { writeFileSync } from 'node:fs';
import { configJsonSchema, defaultYaml } from '../dist/config/docs.js';

writeFileSync(new URL('../config/default.yaml', import.meta.url), defaultYaml());
writeFileSync(new URL('../config/schema.json', import.meta.url), configJsonSchema());
