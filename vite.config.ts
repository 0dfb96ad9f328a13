import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** The page in the browser: src/web/page, built into what the daemon serves. */
export default defineConfig({
  root: fileURLToPath(new URL('src/web/page', import.meta.url)),
  // Whatever path a proxy gives it: Home Assistant's ingress has one of its own.
  base: './',
  build: {
    outDir: fileURLToPath(new URL('dist/web/page', import.meta.url)),
    emptyOutDir: true,
    // Tablets on a wall get old.
    target: ['chrome111', 'firefox114', 'safari16.4'],
    // Its policy forbids scripts and styles that are written into the page, and the data URLs of fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: 'licenses.md' },
    reportCompressedSize: false,
  },
});
