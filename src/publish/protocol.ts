import { isHangUp } from './failure.js';

/** `auto`: MQTT 5 where the broker speaks it. */
export type Protocol = 'auto' | '5' | '3.1.1';

/** "Unacceptable protocol version" of 3.1.1 and "Unsupported Protocol Version" of 5. */
const NOT_SPOKEN = [1, 0x84];

/**
 * Which version of MQTT is spoken. MQTT 5 says why it refuses what; 3.1.1 acknowledges what it drops. A broker that
 * does not know MQTT 5 says so, or just hangs up; but one that has just started does that, too.
 */
export class ProtocolChoice {
  #version: 4 | 5;
  #settled: boolean;

  constructor(wanted: Protocol) {
    this.#version = wanted === '3.1.1' ? 4 : 5;
    this.#settled = wanted !== 'auto';
  }

  /** As MQTT.js counts them: 4 is MQTT 3.1.1. */
  get version(): 4 | 5 {
    return this.#version;
  }

  get name(): Exclude<Protocol, 'auto'> {
    return this.#version === 5 ? '5' : '3.1.1';
  }

  /** The broker speaks it. */
  accepted(): void {
    this.#settled = true;
  }

  /** @returns whether the broker is to be asked again at once, in another version */
  refused(failure: Error | undefined): boolean {
    if (this.#settled) return false;
    const code: unknown = (failure as { code?: unknown } | undefined)?.code;
    if (!NOT_SPOKEN.includes(code as number) && !isHangUp(failure)) return false;
    this.#version = this.#version === 5 ? 4 : 5;
    return this.#version === 4;
  }
}
