import type { Command } from 'commander';
import { listDevices } from '../audio/devices.js';
import { ExitCode } from '../errors.js';
import { createLog } from '../system/log.js';
import { finish } from './support/finish.js';

export function define(command: Command): void {
  command.option('--json', 'as JSON').action(finish(devices));
}

/** `devices`: the microphones that `input.device` can name. */
async function devices(flags: { json?: boolean }): Promise<ExitCode> {
  const found = await listDevices(await createLog({ level: 'error' }));
  if (flags.json) console.log(JSON.stringify(found));
  else if (found.length === 0) console.log('No microphone was found.');
  else
    for (const { index, name, hostApi, channels, defaultSampleRateHz, isDefault } of found)
      console.log(
        `${isDefault ? '*' : ' '} ${String(index).padStart(2)}  ${name}  (${hostApi}, ${channels} channels, ${defaultSampleRateHz} Hz)`,
      );
  return ExitCode.ok;
}
