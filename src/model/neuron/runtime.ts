import { createRequire } from 'node:module';
import { messageOf } from '../../errors.js';

/**
 * MediaTek's Neuron Runtime (`libneuron_runtime.so`), as far as one network with one input and one output needs it.
 * Its C API: `RuntimeAPI.h` and `Types.h` of the NeuroPilot SDK.
 */
export interface NeuronRuntime {
  /** Of the library; older ones do not say. */
  readonly version: string | undefined;
  /** What goes in, to be written before `infer`. */
  readonly input: Float32Array;
  /** What came out. */
  readonly output: Float32Array;
  /** @throws Error with what the library says */
  infer(): Promise<void>;
  release(): Promise<void>;
}

/** The library itself is not there, which is no fault of it. */
export class LibraryAbsent extends Error {}

/** koffi leaves the name of the library out, but not that of another one which it needs. */
const ABSENT = /^Failed to load shared library: cannot open shared object file/;

/** `RuntimeAPIErrorCode` */
const ERRORS = [
  '',
  'out of memory',
  'incomplete',
  'unexpected null',
  'bad data',
  'bad state',
  'runtime error',
];

type Koffi = typeof import('koffi');
type Library = ReturnType<Koffi['load']>;

const HARDWARE = 1 << 2;
/** The memory is ordinary, not shared with the device. */
const ATTRIBUTE = { ionFd: -1 };
/** The only input and the only output. */
const FIRST = 0;

/**
 * Opens the library, puts a compiled network on the NPU and gives it memory. Nothing blocks the event loop.
 *
 * @param library what dlopen(3) understands
 * @param network path of a `.dla`
 * @throws LibraryAbsent; Error where koffi is missing, a call fails, or the network is another one
 */
export async function openRuntime(
  library: string,
  network: string,
  inputValues: number,
  outputValues: number,
): Promise<NeuronRuntime> {
  const koffi: Koffi = createRequire(import.meta.url)('koffi');
  const loaded = load(koffi, library);
  const { run, call } = functionsOf(koffi, loaded);
  const version = versionOf(koffi, loaded);
  const created = [null];
  const options = {
    deviceKind: HARDWARE,
    MDLACoreOption: 0,
    // These stay 0: see `functionsOf`.
    CPUThreadNum: 0,
    suppressInputConversion: 0,
    suppressOutputConversion: 0,
  };
  await call('create', options, created);
  const [runtime] = created;
  await call('loadNetworkFromFile', runtime, network).catch((error) => {
    throw new Error(
      `${messageOf(error)}; the runtime is ${version ?? 'an old one'}, and takes only what a compiler of the same major version made for this NPU`,
    );
  });
  const memory = async (what: 'Input' | 'Output', values: number) => {
    const bytes = values * Float32Array.BYTES_PER_ELEMENT;
    const wanted = [0];
    await call(`get${what}Size`, runtime, FIRST, wanted);
    if (Number(wanted[0]) !== bytes)
      throw new Error(`its ${what.toLowerCase()} has ${wanted[0]} bytes, the model's ${bytes} (float32)`);
    // Memory of the C heap: it does not move, and is never freed, whatever a call that hangs does with it.
    const pointer = koffi.alloc('float', values);
    return { pointer, bytes, values: new Float32Array(koffi.view(pointer, bytes)) };
  };
  const input = await memory('Input', inputValues);
  const output = await memory('Output', outputValues);

  return {
    version,
    input: input.values,
    output: output.values,
    async infer() {
      // What is not written must not be taken for an answer.
      output.values.fill(Number.NaN);
      // Each time: a runtime may convert the input when it is set.
      await call('setInput', runtime, FIRST, input.pointer, input.bytes, ATTRIBUTE);
      await call('setOutput', runtime, FIRST, output.pointer, output.bytes, ATTRIBUTE);
      await call('inference', runtime);
    },
    async release() {
      await run('release', runtime);
    },
  };
}

function load(koffi: Koffi, library: string): Library {
  try {
    return koffi.load(library);
  } catch (error) {
    const reason = messageOf(error);
    throw ABSENT.test(reason)
      ? new LibraryAbsent(`${library} is not there`)
      : new Error(`${library} does not load: ${reason}`);
  }
}

/**
 * The functions that are called, each in a thread of koffi's.
 *
 * @returns `run` gives what a function returns; `call` takes that for its code, and throws where it is one of an error
 */
function functionsOf(koffi: Koffi, loaded: Library) {
  // Headers before Neuron 5 have no CPUThreadNum: the flags lie a byte earlier, and the size is the same. So all three
  // bytes stay 0, which means the same in both: no threads asked for, float32 in and out.
  const environment = koffi.struct({
    deviceKind: 'uint32_t',
    MDLACoreOption: 'int',
    CPUThreadNum: 'uint8_t',
    suppressInputConversion: 'uint8_t',
    suppressOutputConversion: 'uint8_t',
  });
  const attribute = koffi.struct({ ionFd: 'int' });
  const size = koffi.out(koffi.pointer('size_t'));
  const functions = {
    create: ['int', [koffi.pointer(environment), koffi.out(koffi.pointer('void *'))]],
    loadNetworkFromFile: ['int', ['void *', 'const char *']],
    getInputSize: ['int', ['void *', 'uint64_t', size]],
    getOutputSize: ['int', ['void *', 'uint64_t', size]],
    setInput: ['int', ['void *', 'uint64_t', 'void *', 'size_t', attribute]],
    setOutput: ['int', ['void *', 'uint64_t', 'void *', 'size_t', attribute]],
    inference: ['int', ['void *']],
    release: ['void', ['void *']],
  } as const;
  const bound = Object.fromEntries(
    Object.entries(functions).map(([name, [result, parameters]]) => [
      name,
      loaded.func(`NeuronRuntime_${name}`, result, [...parameters]),
    ]),
  );
  const run = (name: keyof typeof functions, ...values: unknown[]) =>
    new Promise<number>((resolve, reject) => {
      bound[name]?.async(...values, (error: unknown, result: number) =>
        error ? reject(error) : resolve(result),
      );
    });
  const call = async (name: keyof typeof functions, ...values: unknown[]) => {
    const code = await run(name, ...values);
    if (code !== 0) throw new Error(`NeuronRuntime_${name} failed: ${code} (${ERRORS[code] ?? 'unknown'})`);
  };
  return { run, call };
}

/** `NeuronRuntime_getVersion` came with Neuron 5. */
function versionOf(koffi: Koffi, loaded: Library): string | undefined {
  try {
    const struct = koffi.struct({ major: 'uint8_t', minor: 'uint8_t', patch: 'uint8_t' });
    const getVersion = loaded.func('NeuronRuntime_getVersion', 'int', [koffi.out(koffi.pointer(struct))]);
    const version = { major: 0, minor: 0, patch: 0 };
    return getVersion(version) === 0 ? `${version.major}.${version.minor}.${version.patch}` : undefined;
  } catch {
    return undefined;
  }
}
