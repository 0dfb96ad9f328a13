// `npm run arm64`: main.ts.
import { withTests } from '../with-tests.mjs';

await withTests('/tools/arm64/main.ts', async ({ main }) => {
  process.exitCode = await main(process.argv.slice(2));
});
