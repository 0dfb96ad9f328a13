/**
 * The process that talks to the NPU. It is thrown away when a call hangs or the vendor's library crashes: in the
 * daemon's own process a crash would end it, and a call that never returns would keep it from ending.
 *
 *     neuron-child.js LIBRARY NETWORK INPUT_VALUES OUTPUT_VALUES
 *
 * Windows come and embeddings go over IPC. It ends when its parent does. It imports little: its memory counts.
 */
import { messageOf, nativeFailure } from '../../errors.js';
import { LibraryAbsent, openRuntime } from './runtime.js';

export type NeuronReply =
  | { type: 'ready'; version: string | undefined }
  | { type: 'embedding'; values: Float32Array }
  /** There is no such library. */
  | { type: 'absent'; reason: string }
  | { type: 'failed'; reason: string };

/** A patch of 96 × 64, or the word to release the NPU and end. */
export type NeuronRequest = Float32Array | 'close';

// No exit(): it waits for a thread that hangs in the library.
const die = () => process.kill(process.pid, 'SIGKILL');
process.on('disconnect', die);
// Ctrl-C and systemd tell the whole group to end; when this process ends is for the daemon to say.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
const [library = '', network = '', inputValues, outputValues] = process.argv.slice(2);
try {
  const runtime = await openRuntime(library, network, Number(inputValues), Number(outputValues));
  process.on('message', async (request: NeuronRequest) => {
    try {
      if (request === 'close') {
        await runtime.release();
        die();
        return;
      }
      runtime.input.set(request);
      await runtime.infer();
      reply({ type: 'embedding', values: runtime.output.slice() });
    } catch (error) {
      reply({ type: 'failed', reason: messageOf(error) });
    }
  });
  reply({ type: 'ready', version: runtime.version });
} catch (error) {
  if (error instanceof LibraryAbsent) reply({ type: 'absent', reason: error.message });
  else reply({ type: 'failed', reason: nativeFailure(error).reason });
}

function reply(message: NeuronReply): void {
  process.send?.(message);
}
