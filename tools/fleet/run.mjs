// `npm run fleet`: fleet.mjs.
import { withTests } from '../with-tests.mjs';

await withTests('/tools/fleet/fleet.mjs');
