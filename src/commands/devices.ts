import { listDevices } from '../audio/devices.js';
import { ExitCode } from '../errors.js';
import { createLog } from '../system/log.js';

/** `devices`: the microphones that `input.device` can name. */
export async function devices(flags: { json?: boolean }): Promise<ExitCode> {
  const found = await listDevices(createLog({ level: 'error' }));
  if (flags.json) console.log(JSON.stringify(found));
  else if (found.length === 0) console.log('No microphone was found.');
  else
    for (const { index, name, hostApi, channels, defaultSampleRateHz, isDefault } of found)
      console.log(
        `${isDefault ? '*' : ' '} ${String(index).padStart(2)}  ${name}  (${hostApi}, ${channels} channels, ${defaultSampleRateHz} Hz)`,
      );
  return ExitCode.ok;
}
