/** What one microphone is asked by the others of its process, and told of them. */
interface Member {
  /** Why nobody could rely on it. */
  illness(): readonly string[];
  /** Whether any of the others cannot start, because another process has its device. */
  lacking(any: boolean): void;
}

/** The microphones of one process: whoever asks one learns of all, because a monitor knows one address. */
export class Company {
  readonly #members = new Map<string, Member>();
  readonly #missing = new Set<string>();

  /** @param several whether there is more than one: then each word says whose it is */
  constructor(private readonly several: boolean) {}

  /** It listens. */
  join(name: string, member: Member): void {
    this.#members.set(name, member);
    if (this.#missing.delete(name)) this.#tell();
    else if (this.#missing.size > 0) member.lacking(true);
  }

  /** It has been heard to its end, or stops. */
  leave(name: string): void {
    this.#members.delete(name);
  }

  /** Another process has it, still or since now. */
  miss(name: string): void {
    if (this.#missing.has(name)) return;
    this.#missing.add(name);
    this.#tell();
  }

  /** Why nobody could rely on all of them; empty where all is well. */
  illness(): string[] {
    const own = [...this.#members].flatMap(([name, member]) =>
      member.illness().map((text) => (this.several ? `${name}: ${text}` : text)),
    );
    return [...own, ...[...this.#missing].map((name) => `${name}: another process has it`)];
  }

  #tell(): void {
    for (const member of this.#members.values()) member.lacking(this.#missing.size > 0);
  }
}
