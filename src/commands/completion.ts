import { Argument, type Command } from 'commander';
import { ExitCode } from '../errors.js';
import { bashCompletion } from './manual/bash.js';
import { fishCompletion } from './manual/fish.js';
import { treeOf } from './manual/tree.js';
import { zshCompletion } from './manual/zsh.js';
import { finish } from './support/finish.js';
import { defineAll } from './support/lazy.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

const HINTS = `
Put it where your shell looks for it:
  bash (with the package bash-completion):
    mkdir -p ~/.local/share/bash-completion/completions
    bathnet2mqtt completion bash > ~/.local/share/bash-completion/completions/bathnet2mqtt
  zsh (with ~/.zfunc in fpath before compinit, in ~/.zshrc: fpath+=~/.zfunc; autoload -Uz compinit; compinit):
    mkdir -p ~/.zfunc
    bathnet2mqtt completion zsh > ~/.zfunc/_bathnet2mqtt
  fish:
    mkdir -p ~/.config/fish/completions
    bathnet2mqtt completion fish > ~/.config/fish/completions/bathnet2mqtt.fish
It is static and starts no Node when you press Tab; write it again after an update.`;

export function define(command: Command): void {
  command
    .addArgument(new Argument('<shell>', 'your shell').choices(Object.keys(SHELLS)))
    .addHelpText('after', HINTS)
    .action(finish(completion));
}

/** `completion SHELL`: what makes the shell complete this program's commands, flags and their values. */
async function completion(shell: keyof typeof SHELLS, _: object, { parent }: Command): Promise<ExitCode> {
  const program = parent as Command;
  await defineAll(program);
  process.stdout.write(SHELLS[shell](treeOf(program)));
  return ExitCode.ok;
}
