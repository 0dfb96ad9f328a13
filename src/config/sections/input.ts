import { z } from 'zod';
import { SAMPLE_RATE_HZ } from '../../constants.js';
import { seconds } from '../values.js';

export const input = z
  .strictObject({
    source: z
      .enum(['portaudio', 'command', 'file', 'stdin'])
      .default('portaudio')
      .describe(
        'Where sound comes from: a microphone (portaudio), a program that writes raw PCM (command), an audio file, or raw PCM on stdin.',
      ),
    device: z
      .string()
      .min(1)
      .default('default')
      .describe(
        'portaudio: name or part of it, card id (hw:1), or index. See: bathnet2mqtt devices. Prefer a name: numbers change between boots.',
      ),
    command: z
      .string()
      .min(1)
      .optional()
      .describe(
        'command: for example arecord -q -t raw -f S16_LE -r 16000 -c 1, or ffmpeg -i rtsp://… -f s16le -ar 16000 -ac 1 -',
      ),
    file: z.string().min(1).optional().describe('file: a WAV, FLAC, OGG or MP3 file.'),
    loop: z.boolean().default(false).describe('file: start again at its end, for ever.'),
    speed: z
      .number()
      .positive()
      .max(1000)
      .default(1)
      .describe('file: 1 plays in real time, 10 ten times as fast.'),
    format: z
      .enum(['s16le', 's24le', 's32le', 'f32le', 'u8'])
      .default('s16le')
      .describe(
        'command and stdin: sample format of the raw PCM. Of u8, in which a quiet room is one value, nobody is told that a microphone is muted or gives nothing.',
      ),
    sampleRateHz: z
      .int()
      .min(4000)
      .max(192_000)
      .default(SAMPLE_RATE_HZ)
      .describe('command and stdin: sample rate of the raw PCM; brought to 16 kHz where it differs.'),
    channels: z.int().min(1).max(32).default(1).describe('command and stdin: channels of the raw PCM.'),
    channel: z
      .union([z.literal('mix'), z.int().min(1).max(32)], { error: 'expected mix or a number from 1 to 32' })
      .default('mix')
      .describe(
        'Which channel is heard: its number, from 1 on, or the mix of all. Mixing loses what is on one of many channels only, and everything where one is inverted.',
      ),
    noDataTimeoutSeconds: seconds(0.5)
      .default(5)
      .describe('Without sound for this long the input is offline and is opened again.'),
    firstSoundTimeoutSeconds: seconds(0.5)
      .default(15)
      .describe('How long it may take from being opened to its first sound, as the stream of a camera does.'),
    reopenMaxSeconds: seconds(0.5)
      .default(30)
      .describe('Longest pause between attempts to open the input again.'),
  })
  .prefault({})
  .describe('Where sound comes from.');
