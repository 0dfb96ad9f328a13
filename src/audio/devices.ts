import { ExitCode, UserError } from '../errors.js';
import { endGroup } from '../system/child.js';
import type { Logger } from '../types.js';
import { forkCapture, replyOf } from './capture.js';
import type { InputDevice } from './choose-device.js';

export type { InputDevice } from './choose-device.js';

const TIMEOUT_MS = 10_000;

/**
 * The devices that sound can be taken from, asked for in a process that is thrown away: PortAudio does not
 * see what is plugged in later.
 *
 * @throws UserError unavailable, where naudiodon is missing or PortAudio does not answer within 10 s
 */
export async function listDevices(log: Logger): Promise<InputDevice[]> {
  const child = forkCapture(['list'], log);
  try {
    const reply = await replyOf(child, AbortSignal.timeout(TIMEOUT_MS));
    if (reply?.type === 'devices') return reply.devices;
    throw new UserError(
      ExitCode.unavailable,
      `PortAudio has not listed its devices within ${TIMEOUT_MS / 1000} s`,
      'See that the sound server answers: arecord -l, pactl info',
    );
  } finally {
    await endGroup(child);
  }
}
