import { statfs } from 'node:fs/promises';
import type { Clock, Logger, Problem } from '../types.js';

export const DISK_SPACE_MS = 60_000;
/** Nearly full is a disk with less room than this, or than so much of a small one; half as much again ends it. */
export const NEARLY_FULL_BYTES = 100e6;
export const NEARLY_FULL_SHARE = 0.05;
const MENDED_FACTOR = 1.5;

/** How much room there is for what is kept: said before the disk is full, while somebody can still do something. */
export class DiskSpace {
  #freeBytes: number | undefined;
  #nearlyFull = false;
  #stopped = false;
  #cancel = () => {};

  /** @param onProblems told with every change; it begins with room enough */
  constructor(
    private readonly folder: string,
    private readonly onProblems: (problems: readonly Problem[]) => void,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** What a process that is not root may still write; undefined where nobody knows. */
  health() {
    return { diskFreeBytes: this.#freeBytes };
  }

  /** Looks now and once a minute; a disk that does not answer is not asked again before it has. */
  start(): void {
    void this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #look(): Promise<void> {
    const disk = await statfs(this.folder).catch(() => undefined);
    if (this.#stopped) return;
    this.#cancel = this.clock.after(DISK_SPACE_MS, () => void this.#look());
    this.#freeBytes = disk && disk.bavail * disk.bsize;
    if (disk) this.#judge(disk.bavail * disk.bsize, disk.blocks * disk.bsize);
  }

  #judge(freeBytes: number, allBytes: number): void {
    const least = Math.min(NEARLY_FULL_BYTES, NEARLY_FULL_SHARE * allBytes);
    const nearlyFull = freeBytes < (this.#nearlyFull ? MENDED_FACTOR * least : least);
    if (nearlyFull === this.#nearlyFull) return;
    this.#nearlyFull = nearlyFull;
    const facts = { folder: this.folder, freeMb: Math.round(freeBytes / 1e6) };
    if (nearlyFull)
      this.log.warn(facts, 'the disk is nearly full: make room, or events would wait in memory only');
    else this.log.info(facts, 'the disk has room again');
    this.onProblems(nearlyFull ? ['disk_nearly_full'] : []);
  }
}
