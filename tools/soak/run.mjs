// `npm run soak`: main.ts and what it shares with the tests, as they are. Vite, which runs the tests, runs it, too.
import { fileURLToPath } from 'node:url';
import { createViteServer } from 'vitest/node';

const vite = await createViteServer({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  server: { middlewareMode: true, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true, include: [] },
});
try {
  const { main } = await vite.ssrLoadModule('/tools/soak/main.ts');
  process.exitCode = await main(process.argv.slice(2));
} finally {
  await vite.close();
}
