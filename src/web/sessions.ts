import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Allowance } from '../system/paced.js';
import type { Clock } from '../types.js';

/**
 * So many wrong passwords in a row, and then one in so long: guessing takes for ever. Each network has its own, so that
 * one who guesses, or a program with an old password, keeps nobody else out.
 */
const TRIES = 5;
const TRY_EVERY_MS = 10_000;
/** The one whose last guess is the longest ago makes room. */
const MOST_NETWORKS = 1000;
/** Who has not looked for so long logs in again. */
const LASTS_MS = 30 * 86_400_000;
/** The one that has been away for longest makes room. */
const MOST_SESSIONS = 100;

/** Who has given the password. Sessions live in memory: a restart asks again. */
export class Sessions {
  /** When each was last used, monotonic, the longest ago first. */
  readonly #usedAtMs = new Map<string, number>();
  /** What each network may still guess, the one whose last guess is the longest ago first. */
  readonly #tries = new Map<string, Allowance>();

  constructor(
    private readonly password: string,
    private readonly clock: Clock,
  ) {}

  /** So long until a password from this address is looked at again; 0: now. */
  waitSeconds(address: string): number {
    return Math.max(0, Math.ceil((this.#tries.get(networkOf(address))?.waitMs ?? 0) / 1000));
  }

  /** Whether this is the password; never while there have been too many wrong ones from there. */
  is(password: string, address: string): boolean {
    if (this.waitSeconds(address) > 0) return false;
    const right = timingSafeEqual(digest(password), digest(this.password));
    if (!right) this.#missed(networkOf(address));
    return right;
  }

  /** @returns the new session's token; undefined where the password is wrong, or has been too often */
  logIn(password: string, address: string): string | undefined {
    if (!this.is(password, address)) return undefined;
    const token = randomBytes(24).toString('base64url');
    this.#touch(token);
    return token;
  }

  /** Whether this is the token of one who is logged in. */
  knows(token: string | undefined): boolean {
    const usedAtMs = token === undefined ? undefined : this.#usedAtMs.get(token);
    if (token === undefined || usedAtMs === undefined) return false;
    if (this.clock.now() - usedAtMs > LASTS_MS) return false;
    this.#touch(token);
    return true;
  }

  logOut(token: string | undefined): void {
    if (token !== undefined) this.#usedAtMs.delete(token);
  }

  #touch(token: string): void {
    putLast(this.#usedAtMs, token, this.clock.now(), MOST_SESSIONS);
  }

  #missed(network: string): void {
    const tries = this.#tries.get(network) ?? new Allowance(TRIES, TRY_EVERY_MS, this.clock);
    tries.use();
    putLast(this.#tries, network, tries, MOST_NETWORKS);
  }
}

/** Behind all others; the first of too many is left out. */
function putLast<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key);
  map.set(key, value);
  const [first] = map.keys();
  if (map.size > most && first !== undefined) map.delete(first);
}

/** An IPv4 address, or what is before the last half of an IPv6 one, which whoever has it may choose. */
const networkOf = (address: string) => address.split('::')[0]?.split(':').slice(0, 4).join(':') ?? '';

const digest = (text: string) => createHash('sha256').update(text).digest();
