import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What commands keep where no test says where: in a folder that goes with the tests, not in the home of who runs them. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'bathnet-state-'));
  process.env.XDG_STATE_HOME = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}

/** The environment of a program that is to see nothing of who runs the tests. */
export function bareEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, XDG_STATE_HOME } = process.env;
  return { PATH, HOME, XDG_STATE_HOME };
}
