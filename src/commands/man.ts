import { spawnSync } from 'node:child_process';
import type { Command } from 'commander';
import { VERSION } from '../constants.js';
import { ExitCode } from '../errors.js';
import { manPage, type Row } from './manual/man-page.js';
import { finish } from './support/finish.js';
import { defineAll } from './support/lazy.js';

const AFTER: Readonly<Record<string, Row[]>> = {
  'EXIT STATUS': [
    ['0', 'Done.'],
    ['64', 'The command line is wrong.'],
    ['65', 'Bad data: not audio, a damaged model.'],
    ['66', 'No input: a file, microphone or model is not there, or cannot be read.'],
    ['69', 'Unavailable: an engine, a package, the broker.'],
    ['70', 'A bug.'],
    ['73', 'A result cannot be written.'],
    ['78', 'The configuration is wrong.'],
  ],
  ENVIRONMENT: [
    ['BATHNET_CONFIG', 'The configuration file, where --config names none.'],
    ['BATHNET_DEFAULTS', 'Another one, over which that one goes: what an image brings along.'],
    [
      'BATHNET_MQTT__URL',
      'mqtt.url of the configuration; every other key likewise, with __ between its parts.',
    ],
    ['NO_COLOR, FORCE_COLOR', 'No colours, or colours also where there is no terminal.'],
  ],
  FILES: [['/etc/bathnet2mqtt/config.yaml', 'The configuration, where nothing else names one.']],
  'SEE ALSO': [['mosquitto_sub(1)', 'shows what is published.']],
};

const HINTS = `
On a terminal it is shown, anywhere else printed:
  mkdir -p ~/.local/share/man/man1
  bathnet2mqtt man > ~/.local/share/man/man1/bathnet2mqtt.1`;

export function define(command: Command): void {
  command.addHelpText('after', HINTS).action(finish(man));
}

/** `man`: the manual page, made of the same definitions as `--help`. */
async function man(_: object, { parent }: Command): Promise<ExitCode> {
  const program = parent as Command;
  await defineAll(program);
  const date = new Date().toISOString().slice(0, 10);
  const page = manPage(program, { version: VERSION, date, after: AFTER });
  const shown = process.stdout.isTTY && show(page);
  if (!shown) process.stdout.write(page);
  return ExitCode.ok;
}

/** Whether there is a `man` that takes a page from its input. */
function show(page: string): boolean {
  return spawnSync('man', ['-l', '-'], { input: page, stdio: ['pipe', 'inherit', 'inherit'] }).status === 0;
}
