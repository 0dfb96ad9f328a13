import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';

const HOME = fileURLToPath(new URL('..', import.meta.url));

let folder: string;
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Packages behind a symbolic link, as pnpm and `npm link` put them. Node resolves links of modules wrongly while the
 * last file that it was asked about was a pipe or a socket: such a module is there twice, or empty.
 */
it.each([
  [
    'a log into a pipe',
    "const { createLog } = await import('./dist/system/log.js'); await createLog({ level: 'info' });",
  ],
  [
    'the lock of a process that was killed',
    `const { lockFolder } = await import('./dist/storage/lock.js');
     const { execFileSync } = await import('node:child_process');
     const leave = "require('net').createServer().listen('lock', () => process.kill(process.pid, 'SIGKILL'))";
     try { execFileSync(process.execPath, ['-e', leave]); } catch {}
     const lock = await lockFolder('.', { purpose: 'test' }, { warn() {} });
     if (!(await lock.holds())) process.exit(1);`,
  ],
])('loads packages once, whatever came before: %s', async (_, before) => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'bathnet-linked-')));
  cpSync(join(HOME, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(HOME, 'package.json'), join(folder, 'package.json'));
  symlinkSync(realpathSync(join(HOME, 'node_modules')), join(folder, 'node_modules'));
  const script = `
    await import('pino'); // through the link
    ${before}
    const { FLACDecoder } = await import('@wasm-audio-decoders/flac');
    console.log(typeof FLACDecoder, import.meta.resolve('@eshaz/web-worker'));
    process.exit();`;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd: folder });
  const packages = realpathSync(join(HOME, 'node_modules'));
  expect((await run).stdout).toBe(`function file://${packages}/@eshaz/web-worker/cjs/node.js\n`);
});
