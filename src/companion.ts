import { PATCH_VALUES } from './constants.js';
import { createFrontEnd } from './features/create-front-end.js';
import type { FrontEnd } from './features/front-end.js';
import type { Bundle, Manifest } from './model/bundle.js';
import type { createNetwork } from './model/engines/create-network.js';
import type { EngineChoice, Network } from './model/network.js';
import type { Window } from './types.js';

/**
 * The network of a second bundle, which hears the same windows for its event head: an imported network has none, and
 * what it was trained for does not carry a fall. It is computed on a CPU in float32, whatever the first one is
 * computed on.
 */
export class Companion {
  #mel = new Float32Array(0);

  private constructor(
    private readonly network: Network,
    /** Its own, where the first bundle's is another one. */
    private readonly frontEnd: FrontEnd | undefined,
  ) {}

  /**
   * @param create makes the network, or gives a part in one that others have
   * @throws UserError where the engine does not fit the bundle
   */
  static async create(
    create: typeof createNetwork,
    bundle: Bundle,
    frontEnd: Manifest['frontEnd'],
    engine: EngineChoice | undefined,
  ): Promise<Companion> {
    const network = await create(bundle, engine, [], { npu: false });
    const own = bundle.manifest.frontEnd === frontEnd ? undefined : createFrontEnd(bundle.manifest.frontEnd);
    return new Companion(network, own);
  }

  /**
   * @param mel the windows' log-mels of the first bundle's front end
   * @returns the embeddings [windows × embeddingSize]
   * @throws Error when the engine fails
   */
  async hear(windows: readonly Window[], mel: Float32Array): Promise<Float32Array> {
    const { embedding } = await this.network.run(this.frontEnd ? this.#melOf(windows, this.frontEnd) : mel);
    return embedding;
  }

  forget(): void {
    this.frontEnd?.forget();
  }

  async close(): Promise<void> {
    await this.network.close();
  }

  #melOf(windows: readonly Window[], frontEnd: FrontEnd): Float32Array {
    const values = windows.length * PATCH_VALUES;
    if (this.#mel.length !== values) this.#mel = new Float32Array(values);
    for (const [i, window] of windows.entries())
      frontEnd.compute(window, this.#mel.subarray(i * PATCH_VALUES, (i + 1) * PATCH_VALUES));
    return this.#mel;
  }
}
