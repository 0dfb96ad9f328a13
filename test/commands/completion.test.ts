import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../support/daemon.js';
import { lacksPrograms } from '../support/require.js';
import { Shell } from '../support/shell.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** Scripts, and a folder with something to complete. */
let dir: string;
const script = (shell: string) => join(dir, shell, '_bathnet2mqtt');
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'bathnet-completion-'));
  mkdirSync(join(dir, 'some folder'));
  writeFileSync(join(dir, 'night.flac'), '');
  for (const shell of SHELLS) {
    const { code, stdout, stderr } = await run(['completion', shell]);
    expect(code, stderr).toBe(0);
    mkdirSync(join(dir, shell));
    writeFileSync(script(shell), stdout);
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('completion', () => {
  it.each<[string, string, string]>([
    ['bash', 'bash --norc -i', 'source bash/_bathnet2mqtt'],
    ['zsh', 'zsh -f -i', 'autoload -U compinit; compinit -u -D; source zsh/_bathnet2mqtt'],
    ['zsh', 'zsh -f -i', 'fpath=($PWD/zsh $fpath); autoload -U compinit; compinit -u -D'],
  ])('%s completes commands, flags, values and paths', async (name, command, setup) => {
    if (lacksPrograms('script', name)) return;
    const shell = await Shell.start(command, dir, setup, 'bathnet2mqtt');
    try {
      for (const [keys, words] of [
        ['cla\t', ['classify']],
        ['mod\tex\t', ['models', 'export']],
        ['models export -f on\t', ['models', 'export', '-f', 'onnx']],
        ['models help pu\t', ['models', 'help', 'pull']],
        ['run --reset-s\t', ['run', '--reset-settings']],
        ['run --engine=tfjs-w\t', ['run', '--engine=tfjs-wasm']],
        ['run --log-level i\t', ['run', '--log-level', 'info']],
        ['classify ni\t', ['classify', 'night.flac']],
        ['run -c ni\t', ['run', '-c', 'night.flac']],
        ['run --model so\t', ['run', '--model', expect.stringMatching(/^some folder\/?$/)]],
        ['train --epochs ni\t', ['train', '--epochs', 'ni']],
        ['record --label ru\t', ['record', '--label', 'ru']],
        ['completion fi\t', ['completion', 'fish']],
      ] as const)
        expect(await shell.complete(`bathnet2mqtt ${keys}`), keys).toEqual(words);
    } finally {
      await shell.close();
    }
  });

  it.skipIf(lacksPrograms('fish'))('fish does so, too, and says what each is', () => {
    const complete = (line: string) =>
      execFileSync(
        'fish',
        ['--no-config', '-c', `source fish/_bathnet2mqtt; complete -C ${JSON.stringify(line)}`],
        {
          cwd: dir,
          encoding: 'utf8',
          env: { PATH: process.env.PATH, HOME: dir },
        },
      )
        .trimEnd()
        .split('\n');
    const words = (line: string) => complete(line).map((each) => each.split('\t')[0]);
    expect(complete('bathnet2mqtt cla')).toEqual([
      'classify\tsay what is in audio files, or in folders of them',
    ]);
    expect(words('bathnet2mqtt models ')).toEqual([
      'compile',
      'export',
      'help',
      'import',
      'list',
      'pull',
      'quantize',
      'remove',
      'verify',
    ]);
    expect(words('bathnet2mqtt models export --format ')).toEqual(['onnx', 'safetensors', 'tflite']);
    expect(words('bathnet2mqtt models export --fo')).toEqual(['--force', '--format']);
    expect(words('bathnet2mqtt classify ni')).toEqual(['night.flac']);
    expect(words('bathnet2mqtt run -c ni')).toEqual(['night.flac']);
    expect(words('bathnet2mqtt run --model so')).toEqual(['some folder/']);
    expect(words('bathnet2mqtt train --epochs ')).toEqual(['']);
    expect(words('bathnet2mqtt record --label ru')).toEqual(['']);
  });

  it('says where to put it, and refuses other shells', async () => {
    expect((await run(['completion', '--help'])).stdout).toContain('~/.config/fish/completions');
    const { code, stderr } = await run(['completion', 'csh']);
    expect(stderr).toContain("'csh' is invalid");
    expect(code).toBe(64);
  });
});
