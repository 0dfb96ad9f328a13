/**
 * Runs commands of the built program one after the other, each from its arguments to the end of its last handle, as a
 * process of its own would; only what they import is loaded once. `commands-process.ts` starts it and says what to run.
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [, , main] = process.argv;
/** What main.js loads where Node is new enough, and what runs a command each time that it is loaded. */
const [, cli] = /import\(['"](.*cli\.js)['"]\)/.exec(readFileSync(main, 'utf8'));
const send = process.send.bind(process);
const { channel } = process;
let commands = 0;
let lastEnv = {};
let running;

// No command shall see that it has a parent.
delete process.send;

process.on('message', async ({ args, env, cwd }) => {
  process.argv = [process.execPath, main, ...args];
  for (const name of Object.keys(lastEnv)) delete process.env[name];
  Object.assign(process.env, env);
  lastEnv = env;
  process.exitCode = undefined;
  process.chdir(cwd);
  running = { settled: false };
  channel.unref();
  commands += 1;
  await import(new URL(`${cli}?${commands}`, pathToFileURL(main)).href);
  running.settled = true;
});

// Node would end here: nothing is left to wait for.
process.on('beforeExit', () => {
  if (!running) return;
  // 13 is what Node says of a program that waits for what never comes.
  const code = running.settled ? (process.exitCode ?? 0) : 13;
  running = undefined;
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error'); // each command adds its own
    stream.write(`\0${commands}\0`);
  }
  channel.ref();
  send({ code });
});
process.on('disconnect', () => process.exit());
