import { describe, expect, it } from 'vitest';
import { chooseDevice, type InputDevice } from '../../src/audio/choose-device.js';
import { ExitCode, UserError } from '../../src/errors.js';

const device = (index: number, name: string, isDefault = false): InputDevice => ({
  index,
  name,
  hostApi: 'ALSA',
  channels: 2,
  defaultSampleRateHz: 48_000,
  isDefault,
});

const devices = [
  device(0, 'HDA Intel PCH: ALC257 Analog (hw:0,0)'),
  device(2, 'USB Audio Device: Audio (hw:1,0)'),
  device(3, 'ReSpeaker 4 Mic Array: USB Audio (hw:10,0)'),
  device(4, 'ReSpeaker 4 Mic Array: USB Audio #1 (hw:10,1)'),
  device(7, 'pulse'),
  device(8, 'default', true),
];

/** As /proc/asound/cards has it. */
const cards = ` 0 [PCH            ]: HDA-Intel - HDA Intel PCH
                      HDA Intel PCH at 0xb1118000 irq 140
 1 [Device         ]: USB-Audio - USB Audio Device
                      C-Media Electronics Inc. USB Audio Device at usb-0000:00:14.0-1, full speed
10 [ArrayUAC10     ]: USB-Audio - ReSpeaker 4 Mic Array (UAC1.0)
                      SEEED ReSpeaker 4 Mic Array (UAC1.0) at usb-0000:00:14.0-2, high speed
`;

function failure(wanted: string | undefined, among: readonly InputDevice[] = devices): UserError {
  try {
    chooseDevice(among, wanted, cards);
  } catch (error) {
    if (error instanceof UserError) return error;
  }
  throw new Error('a device was chosen');
}

describe('choosing a device', () => {
  it.each([
    [undefined, 8],
    ['default', 8],
    ['pulse', 7],
    ['USB Audio Device: Audio (hw:1,0)', 2],
    ['usb audio dev', 2],
    ['alc257', 0],
    ['3', 3],
    ['hw:1', 2],
    ['hw:1,0', 2],
    ['plughw:10,1', 4],
    ['hw:10', 3],
    ['hw:CARD=ArrayUAC10,DEV=1', 4],
    ['hw:Device', 2],
    ['CARD=Device', 2],
    ['plughw:CARD=PCH', 0],
    ['Device', 2],
    ['ArrayUAC10', 3],
  ])('understands %s', (wanted, index) => {
    expect(chooseDevice(devices, wanted, cards).index).toBe(index);
  });

  it('finds a device by its whole name also where its card has another number now', () => {
    const moved = devices.map((each) => ({ ...each, name: each.name.replace('(hw:1,', '(hw:2,') }));
    expect(chooseDevice(moved, 'USB Audio Device: Audio (hw:1,0)', cards).index).toBe(2);
    expect(() => chooseDevice(moved, 'USB Audio Device: Audio (hw:1,1)', cards)).toThrow(/no microphone/);
    const twins = [...moved, device(5, 'USB Audio Device: Audio (hw:3,0)')];
    expect(failure('USB Audio Device: Audio (hw:1,0)', twins).message).toMatch(/^more than one/);
    expect(chooseDevice(twins, 'USB Audio Device: Audio (hw:3,0)', cards).index).toBe(5);
  });

  it.each(['no such', 'hw:2', 'hw:1,7', '1', 'CARD=Other'])(
    'says which devices there are instead of %s',
    (wanted) => {
      const { code, message } = failure(wanted);
      expect(code).toBe(ExitCode.noInput);
      expect(message).toContain(`"${wanted}"`);
      for (const { name } of devices) expect(message).toContain(name);
    },
  );

  it('chooses none where a part of a name fits more than one', () => {
    expect(failure('respeaker').message).toContain('more than one');
  });

  it('says so where there is no default, or nothing at all', () => {
    expect(failure(undefined, devices.slice(0, 3)).message).toContain('no default microphone');
    expect(failure(undefined, []).message).toContain('no microphones at all');
  });
});
