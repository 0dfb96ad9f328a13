import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { REGISTRY } from '../../src/commands/registry.js';
import { addCommands, defineAll } from '../../src/commands/support/lazy.js';
import { run } from '../support/daemon.js';
import { GOLDEN } from '../support/golden.js';
import { lacksPackage } from '../support/require.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

const below = (command: Command): Command[] => command.commands.flatMap((each) => [each, ...below(each)]);
const pathOf = (command: Command): string =>
  command.parent?.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

describe('the command line', () => {
  it('has help for every command', async () => {
    const { stdout: overview } = await run(['--help']);
    for (const { name, does } of REGISTRY) {
      expect(overview).toMatch(new RegExp(`^ {2}${name} `, 'm'));
      expect(overview.replaceAll(/\s+/g, ' ')).toContain(does);
    }
    const program = new Command('bathnet2mqtt');
    addCommands(program, REGISTRY);
    await defineAll(program);
    const commands = below(program);
    expect(commands.length).toBeGreaterThan(20);
    for (const command of commands) {
      expect(command.helpInformation()).toContain(`Usage: bathnet2mqtt ${pathOf(command)}`);
      expect(command.description(), pathOf(command)).not.toBe('');
      for (const { flags, description } of command.options) expect(description, flags).not.toBe('');
    }
  });

  it.each([[['help', 'models']], [['help', 'run']], [['models', 'help', 'pull']], [['help']]])(
    '%j is the same as --help',
    async (words) => {
      const { code, stdout } = await run(words);
      expect(code).toBe(0);
      expect(stdout).toBe((await run([...words.filter((word) => word !== 'help'), '--help'])).stdout);
    },
  );

  it.each(['-v', '-V', '--version'])('%s prints the version', async (flag) => {
    expect(await run([flag])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each<[string[], RegExp]>([
    [['clasify'], /unknown command 'clasify'[\s\S]*classify/],
    [['help', 'clasify'], /unknown command 'clasify'[\s\S]*classify/],
    [['classify'], /missing required argument 'file'\n {2}hint: Add --help/],
    [['run', '--sorce', 'stdin'], /unknown option '--sorce'[\s\S]*--source[\s\S]*\n {2}hint: Add --help/],
    [['models', 'export', 'bathnet-mini', '-o', 'x', '-f', 'onx'], /'onx' is invalid/],
    [['dataset'], /Usage: bathnet2mqtt dataset/],
    [
      ['models', 'bogus'],
      /^error: there is no command "models bogus"\n {2}hint: .* list, import, pull, .*\n$/,
    ],
    [
      ['feedback', 'help', 'bogus'],
      /^error: there is no command "feedback bogus"\n {2}hint: .* list, delete/,
    ],
  ])('%j is wrong usage', async (args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(64);
  });

  it('says so where the folder that it is called in is gone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bathnet-gone-'));
    const script = 'cd "$1" && rmdir "$1" && exec "$2" "$3" classify x.wav';
    const gone = spawnSync('sh', ['-c', script, 'sh', folder, process.execPath, MAIN], { encoding: 'utf8' });
    expect(gone.stderr).toMatch(
      /^error: the folder that this is called in does not exist.*\n {2}hint: .*\n$/,
    );
    expect(gone.status).toBe(66);
  });

  it('loads only what it needs', async () => {
    const heavy = [
      '@tensorflow',
      'onnxruntime-node',
      'bundle/zod',
      'bundle/mqtt',
      'bundle/pino',
      'bundle/yaml',
    ];
    expect((await loadedBy(['--version'], heavy)).found).toEqual([]);
    expect((await loadedBy(['--help'], heavy)).found).toEqual([]);
    const classify = await loadedBy(['classify', join(GOLDEN, 'silence.wav')], heavy);
    const engine = lacksPackage('onnxruntime-node') ? '@tensorflow' : 'onnxruntime-node';
    expect(classify.found).toEqual([engine, 'bundle/zod', 'bundle/yaml']);
    expect(classify.commands).toEqual(['classify']);
    const daemon = await loadedBy(['run', '--source', 'nonesuch'], heavy);
    expect(daemon.found).toEqual(['bundle/zod', 'bundle/mqtt', 'bundle/pino', 'bundle/yaml']);
    expect(daemon.commands).toEqual(['run']);
  });
});

/** Which of these parts a command loads, and whose files of all commands. */
async function loadedBy(args: string[], parts: string[]): Promise<{ found: string[]; commands: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'bathnet-loaded-'));
  try {
    await run(args, { NODE_V8_COVERAGE: folder });
    const urls = readdirSync(folder).flatMap((file) =>
      JSON.parse(readFileSync(join(folder, file), 'utf8')).result.map(({ url }: { url: string }) => url),
    );
    expect(urls.length).toBeGreaterThan(0);
    return {
      found: parts.filter((part) => urls.some((url: string) => url.includes(`/${part}`))),
      commands: REGISTRY.map(({ name }) => name).filter((name) =>
        urls.some((url: string) => url.endsWith(`/dist/bundle/${name}.js`)),
      ),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
