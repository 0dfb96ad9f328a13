// Runs a tool that shares its Mosquitto and its sound server with the tests, as they are. Vite, which runs the tests,
// runs it, too.
import { fileURLToPath } from 'node:url';
import { createViteServer } from 'vitest/node';

/**
 * @param path of a module, from the root of the repository
 * @param use what is done with what it exports
 */
export async function withTests(path, use = () => {}) {
  const vite = await createViteServer({
    root: fileURLToPath(new URL('..', import.meta.url)),
    configFile: false,
    logLevel: 'error',
    appType: 'custom',
    server: { middlewareMode: true, ws: false, watch: null },
    optimizeDeps: { noDiscovery: true, include: [] },
  });
  try {
    await use(await vite.ssrLoadModule(path));
  } finally {
    await vite.close();
  }
}
