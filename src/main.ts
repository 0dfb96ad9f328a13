#!/usr/bin/env node

/**
 * What runs first, on whatever Node there is: it imports nothing, and has no word that an old one does not know.
 * One that is too old would run until the first alarm, and break there.
 */
const OLDEST_NODE = 20;

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  console.error(
    `error: Node ${process.versions.node} (${process.execPath}) is too old: this needs Node ${OLDEST_NODE} or newer\n` +
      '  hint: Install a newer one: https://nodejs.org',
  );
  process.exitCode = 69; // unavailable (errors.ts)
} else {
  void import('./cli.js');
}
