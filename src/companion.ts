import { PATCH_VALUES } from './constants.js';
import { createFrontEnd } from './features/create-front-end.js';
import type { FrontEnd } from './features/front-end.js';
import type { Bundle, Manifest } from './model/bundle.js';
import type { createNetwork } from './model/engines/create-network.js';
import { chooseHead, headNamed, headsBehind, type ScoringHead } from './model/head.js';
import type { EngineChoice, Network } from './model/network.js';
import type { NetworkOutput, Window } from './types.js';

/**
 * The network of a second bundle, which hears the same windows for its event head: an imported network has none, and
 * what it was trained for does not carry a fall. Its opinion on the same classes counts as much as the first one's. It
 * is computed on a CPU in float32, whatever the first one is computed on.
 */
export class Companion {
  #mel = new Float32Array(0);

  private constructor(
    readonly network: Network,
    /** Its own, where the first bundle's is another one. */
    readonly frontEnd: FrontEnd | undefined,
    /** For the classes that the first one's head decides, too. */
    readonly head: ScoringHead | undefined,
  ) {}

  /**
   * @param create makes the network, or gives a part in one that others have
   * @param bundle the companion's own
   * @param first whose windows they are
   * @param headName of the first one, which decides; where it is the default, one of that name, kind and labels here has
   *   a say, too: who asks for another head wants to know what that one says
   * @throws UserError where the engine does not fit the bundle
   */
  static async create(
    create: typeof createNetwork,
    bundle: Bundle,
    first: Manifest,
    headName: string,
    engine: EngineChoice | undefined,
  ): Promise<Companion> {
    const { manifest } = bundle;
    const decides = headName === first.defaultHead && isAlike(manifest, first, headName);
    const head = decides ? chooseHead(bundle, headName) : undefined;
    const network = await create(bundle, engine, head ? headsBehind(manifest, head.name) : [], {
      npu: false,
    });
    const own = manifest.frontEnd === first.frontEnd ? undefined : createFrontEnd(manifest.frontEnd);
    return new Companion(network, own, head);
  }

  /**
   * @param mel the windows' log-mels of the first bundle's front end
   * @returns of all windows
   * @throws Error when the engine fails
   */
  async hear(windows: readonly Window[], mel: Float32Array): Promise<NetworkOutput> {
    return this.network.run(this.frontEnd ? this.#melOf(windows, this.frontEnd) : mel);
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

/** Whether a head is made alike in both: that of BATHNet's own model is not, which is to say what it says. */
function isAlike(one: Manifest, other: Manifest, headName: string): boolean {
  const [a, b] = [one, other].map(({ heads }) => headNamed(heads, headName));
  return a?.type === b?.type && `${a?.labels}` === `${b?.labels}`;
}
