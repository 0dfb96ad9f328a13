import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SHIPPED_MODELS } from '../../src/model/shelf.js';

const SOURCE = fileURLToPath(new URL('./npu/neuron-runtime.c', import.meta.url));
/** A compiler that is called as MediaTek's. */
export const NCC = fileURLToPath(new URL('./npu/ncc-tflite.mjs', import.meta.url));

/** A Neuron Runtime without an NPU (npu/neuron-runtime.c), compiled for this machine, and what it is told to do. */
export class FakeNpu {
  readonly folder = mkdtempSync(join(tmpdir(), 'bathnet-npu-'));
  readonly library: string;
  readonly #orders = join(this.folder, 'orders');
  readonly #calls = join(this.folder, 'calls');

  /** @param flags for the compiler: `-DOLD` */
  constructor(...flags: string[]) {
    this.library = this.compile('libneuron_runtime.so', SOURCE, flags);
    this.order('');
  }

  /** Compiles a shared library into the folder. */
  compile(name: string, source: string, flags: readonly string[] = []): string {
    const library = join(this.folder, name);
    const options = ['-std=gnu11', '-O2', '-ftree-vectorize', '-Wall', '-Werror', '-shared', '-fPIC'];
    execFileSync('gcc', [...options, '-o', library, source, ...flags, '-lm']);
    return library;
  }

  /** For the process that loads the library. */
  get environment() {
    return { NEURON_TEST_ORDERS: this.#orders, NEURON_TEST_CALLS: this.#calls };
  }

  /** @param text lines `FUNCTION ACTION` */
  order(text: string): void {
    writeFileSync(this.#orders, text);
  }

  /** Functions that were called since the last time, and the process that called the last of them. */
  calls(): { readonly names: string[]; readonly pid: number } {
    const lines = existsSync(this.#calls) ? readFileSync(this.#calls, 'utf8').trim().split('\n') : [];
    writeFileSync(this.#calls, '');
    return {
      names: lines.map((line) => line.split(' ')[0] as string),
      pid: Number(lines.at(-1)?.split(' ')[1]),
    };
  }

  /** A copy of the shipped bundle, to be compiled. */
  copyBundle(): string {
    const folder = join(this.folder, 'bundle');
    cpSync(join(SHIPPED_MODELS, 'bathnet-mini'), folder, { recursive: true });
    return folder;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Whether a process has ended. */
export function isGone(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')); // dead, and not yet missed
  } catch {
    return true;
  }
}
