import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Allowance } from '../system/paced.js';
import type { Clock } from '../types.js';

/** So many wrong passwords in a row, from whomever, and then one in so long: guessing takes for ever. */
const TRIES = 5;
const TRY_EVERY_MS = 10_000;
/** Who has not looked for so long logs in again. */
const LASTS_MS = 30 * 86_400_000;
/** The one that has been away for longest makes room. */
const MOST_SESSIONS = 100;

/** Who has given the password. Sessions live in memory: a restart asks again. */
export class Sessions {
  /** When each was last used, monotonic, the longest ago first. */
  readonly #usedAtMs = new Map<string, number>();
  readonly #tries: Allowance;

  constructor(
    private readonly password: string,
    private readonly clock: Clock,
  ) {
    this.#tries = new Allowance(TRIES, TRY_EVERY_MS, clock);
  }

  /** So long until a password is looked at again; 0: now. */
  get waitSeconds(): number {
    return Math.max(0, Math.ceil(this.#tries.waitMs / 1000));
  }

  /** Whether this is the password; never while there have been too many wrong ones. */
  is(password: string): boolean {
    if (this.waitSeconds > 0) return false;
    const right = timingSafeEqual(digest(password), digest(this.password));
    if (!right) this.#tries.use();
    return right;
  }

  /** @returns the new session's token; undefined where the password is wrong, or has been too often */
  logIn(password: string): string | undefined {
    if (!this.is(password)) return undefined;
    const token = randomBytes(24).toString('base64url');
    this.#touch(token);
    for (const oldest of this.#usedAtMs.keys())
      if (this.#usedAtMs.size > MOST_SESSIONS) this.#usedAtMs.delete(oldest);
    return token;
  }

  /** Whether this is the token of one who is logged in. */
  knows(token: string | undefined): boolean {
    const usedAtMs = token === undefined ? undefined : this.#usedAtMs.get(token);
    if (token === undefined || usedAtMs === undefined) return false;
    this.#usedAtMs.delete(token);
    if (this.clock.now() - usedAtMs > LASTS_MS) return false;
    this.#touch(token);
    return true;
  }

  logOut(token: string | undefined): void {
    if (token !== undefined) this.#usedAtMs.delete(token);
  }

  #touch(token: string): void {
    this.#usedAtMs.set(token, this.clock.now());
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest();
