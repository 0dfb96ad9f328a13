import { ExitCode, UserError } from '../errors.js';

/** A device that sound can be taken from. */
export interface InputDevice {
  /** PortAudio's number; it can change with every start of the machine. */
  readonly index: number;
  /** `USB Audio Device: - (hw:1,0)` */
  readonly name: string;
  /** `ALSA`, `Core Audio` */
  readonly hostApi: string;
  readonly channels: number;
  readonly defaultSampleRateHz: number;
  readonly isDefault: boolean;
}

/**
 * Finds the device that is meant by, in this order: nothing or `default`; its name; its index; its ALSA card
 * (`hw:1`, `plughw:1,0`, `CARD=Device`, `Device`); a part of its name in any case, or all of it with the number that
 * its card had before.
 *
 * @param cards content of /proc/asound/cards, which says the ids of the ALSA cards
 * @throws UserError no input, with all devices listed, where none or more than one is meant
 */
export function chooseDevice(devices: readonly InputDevice[], wanted = 'default', cards = ''): InputDevice {
  const missing = (what: string) =>
    new UserError(
      ExitCode.noInput,
      `${what}; there ${listed(devices)}`,
      devices.length > 0
        ? 'Name one of these devices by its name or a part of it, or its card id.'
        : 'Connect a microphone, and see that this user may use it (group "audio").',
    );
  const named = devices.find(({ name }) => name === wanted);
  if (named) return named;
  if (wanted === 'default') {
    const standard = devices.find(({ isDefault }) => isDefault);
    if (!standard) throw missing('there is no default microphone');
    return standard;
  }
  const exact =
    devices.find(({ index }) => String(index) === wanted) ??
    devices.find(({ name }) => isOnCard(name, wanted, cards));
  if (exact) return exact;
  const similar = devices.filter(
    ({ name }) => name.toLowerCase().includes(wanted.toLowerCase()) || isMoved(name, wanted),
  );
  if (similar.length > 1) throw missing(`more than one microphone is called "${wanted}"`);
  if (!similar[0]) throw missing(`there is no microphone "${wanted}"`);
  return similar[0];
}

/** PortAudio names ALSA's devices `CARD: DEVICE (hw:1,0)`. */
function isOnCard(name: string, wanted: string, cards: string): boolean {
  const [, id = wanted, device] =
    /^(?:(?:plug|sys)?(?:hw|default|front):)?(?:CARD=)?(\w+)(?:,(?:DEV=)?(\d+))?$/.exec(wanted) ?? [];
  const ids = [...cards.matchAll(/^ *(\d+) \[(\w+) *\]/gm)];
  const number = ids.find((card) => card[2] === id)?.[1] ?? (/^(?:plug)?hw:/.test(wanted) ? id : undefined);
  if (number === undefined) return false;
  const [, card, subdevice] = /\(hw:(\d+),(\d+)\)/.exec(name) ?? [];
  return card === number && (device === undefined || device === subdevice);
}

/** A card may get another number when it is plugged in again, and the names of its devices end with that. */
function isMoved(name: string, wanted: string): boolean {
  const [now, before] = [name, wanted].map((each) => each.replace(/\(hw:\d+,(\d+)\)$/, '($1)'));
  return now === before;
}

function listed(devices: readonly InputDevice[]): string {
  if (devices.length === 0) return 'are no microphones at all';
  return `are: ${devices.map(({ index, name }) => `${index} "${name}"`).join(', ')}`;
}
