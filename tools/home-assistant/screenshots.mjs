// `node tools/home-assistant/screenshots.mjs`: screenshots.ts.
import { withTests } from '../with-tests.mjs';

await withTests('/tools/home-assistant/screenshots.ts', ({ main }) => main(process.argv.slice(2)));
