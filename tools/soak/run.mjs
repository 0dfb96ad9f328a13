// `npm run soak`: main.ts.
import { withTests } from '../with-tests.mjs';

await withTests('/tools/soak/main.ts', async ({ main }) => {
  process.exitCode = await main(process.argv.slice(2));
});
