import type { Bundle } from './bundle.js';
import { createNetwork } from './engines/create-network.js';
import type { EngineChoice, Network, NetworkOptions } from './network.js';
import { readModel } from './shelf.js';

/** A network and those who use it. */
interface Shared {
  readonly network: Promise<Network>;
  readonly onFallback: Set<NonNullable<NetworkOptions['onFallback']>>;
  users: number;
  /** Settles when nobody computes. */
  idle: Promise<unknown>;
}

/**
 * Models of several microphones: a bundle is read once, and networks that are the same are one, which computes for one
 * after the other.
 */
export class SharedModels {
  readonly #read = new Map<string, ReturnType<typeof readModel>>();
  readonly #shared = new Map<string, Shared>();

  /** @param make as createNetwork does */
  constructor(private readonly make = createNetwork) {}

  /**
   * As `readModel`.
   *
   * @throws as readModel does
   */
  readModel(
    model: Parameters<typeof readModel>[0],
    shelves: readonly string[],
  ): ReturnType<typeof readModel> {
    const key = JSON.stringify([model.name, model.head, shelves]);
    const bundle = this.#read.get(key) ?? readModel(model, shelves);
    this.#read.set(key, bundle);
    return bundle;
  }

  /**
   * As `createNetwork`; closed by each who has it, and in truth by the last.
   *
   * @throws as createNetwork does
   */
  async createNetwork(
    bundle: Bundle,
    engine: EngineChoice = 'auto',
    heads: readonly string[] = Object.keys(bundle.manifest.heads),
    { onFallback, precision, npu, neuronLibrary, neuronNetwork }: NetworkOptions = {},
  ): Promise<Network> {
    const { folder, manifest } = bundle;
    const options = { precision, npu, neuronLibrary, neuronNetwork };
    const key = JSON.stringify([folder, manifest.weights.sha256, engine, heads, options]);
    const shared = this.#shared.get(key) ?? this.#begin(bundle, engine, heads, options);
    this.#shared.set(key, shared);
    if (onFallback) shared.onFallback.add(onFallback);
    shared.users++;
    const leave = async () => {
      if (onFallback) shared.onFallback.delete(onFallback);
      if (--shared.users > 0) return;
      this.#shared.delete(key);
      await shared.idle;
      await (await shared.network).close();
    };
    try {
      return turnsOf(await shared.network, shared, leave);
    } catch (error) {
      this.#shared.delete(key);
      throw error;
    }
  }

  #begin(bundle: Bundle, engine: EngineChoice, heads: readonly string[], options: NetworkOptions): Shared {
    const onFallback: Shared['onFallback'] = new Set();
    const tellAll: NetworkOptions['onFallback'] = (failure) => {
      for (const each of onFallback) each(failure);
    };
    const network = this.make(bundle, engine, heads, { ...options, onFallback: tellAll });
    return { network, onFallback, users: 0, idle: Promise.resolve() };
  }
}

/** The network as one of its users sees it: an engine keeps one window at a time. */
function turnsOf(network: Network, shared: Shared, leave: () => Promise<void>): Network {
  let closed: Promise<void> | undefined;
  return {
    get engine() {
      return network.engine;
    },
    get precision() {
      return network.precision;
    },
    ...(network.npu !== undefined && { npu: network.npu }),
    run(mel) {
      const turn = shared.idle.then(() => network.run(mel));
      shared.idle = turn.catch(() => {});
      return turn;
    },
    close() {
      closed ??= leave();
      return closed;
    },
  };
}
