import { isHangUp } from './failure.js';

/** `auto`: MQTT 5 where the broker speaks it. */
export type Protocol = 'auto' | '5' | '3.1.1';

/** "Unacceptable protocol version" of 3.1.1 and "Unsupported Protocol Version" of 5. */
const NOT_SPOKEN = [1, 0x84];
/** A broker that has spoken a version and then hangs up so often in a row is no longer just starting. */
const MOST_HANG_UPS = 3;

/**
 * Which version of MQTT is spoken. MQTT 5 says why it refuses what; 3.1.1 acknowledges what it drops. A broker that
 * does not know MQTT 5 says so, or just hangs up; but one that has just started does that, too. Nothing is settled for
 * ever: another broker may take the place of the one that was there.
 */
export class ProtocolChoice {
  #version: 4 | 5;
  readonly #fixed: boolean;
  /** So many hang-ups say nothing of the version. */
  #patience = 0;

  constructor(wanted: Protocol) {
    this.#version = wanted === '3.1.1' ? 4 : 5;
    this.#fixed = wanted !== 'auto';
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
    this.#patience = MOST_HANG_UPS;
  }

  /** @returns whether the broker is to be asked again at once, in another version */
  refused(failure: Error | undefined): boolean {
    if (this.#fixed) return false;
    const code: unknown = (failure as { code?: unknown } | undefined)?.code;
    if (!NOT_SPOKEN.includes(code as number)) {
      if (!isHangUp(failure)) return false;
      if (this.#patience > 0) {
        this.#patience--;
        return false;
      }
    }
    this.#version = this.#version === 5 ? 4 : 5;
    return this.#version === 4;
  }
}
