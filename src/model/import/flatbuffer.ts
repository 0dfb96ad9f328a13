import type { ByteBuffer } from 'flatbuffers';
import type { UserError } from '../../errors.js';

/** Parts of a file may share their bytes, so its size alone would not bound what a crafted one can claim. */
const MAX_ITEMS = 16_384;
const MAX_NAME_BYTES = 1_000;

/**
 * A FlatBuffers table; `slot` is a field's position in the schema. The library itself reads zeros
 * beyond the end of its bytes, so each place is checked here before it is read.
 */
export class Table {
  constructor(
    private readonly buffer: ByteBuffer,
    private readonly start: number,
    private readonly broken: (what: string) => UserError,
  ) {
    this.check(start, 4);
  }

  byte(slot: number): number {
    const at = this.field(slot, 1);
    return at === undefined ? 0 : this.buffer.readUint8(at);
  }

  int(slot: number, fallback = 0): number {
    const at = this.field(slot, 4);
    return at === undefined ? fallback : this.buffer.readInt32(at);
  }

  table(slot: number): Table | undefined {
    const at = this.field(slot, 4);
    return at === undefined ? undefined : this.follow(at);
  }

  tables(slot: number): Table[] {
    return this.vector(slot, 4, MAX_ITEMS, (at) => this.follow(at));
  }

  ints(slot: number, most: number): number[] {
    return this.vector(slot, 4, most, (at) => this.buffer.readInt32(at));
  }

  longs(slot: number): number[] {
    return this.vector(slot, 8, MAX_ITEMS, (at) => Number(this.buffer.readInt64(at)));
  }

  floats(slot: number): number[] {
    return this.vector(slot, 4, MAX_ITEMS, (at) => this.buffer.readFloat32(at));
  }

  /** A view of the file's own bytes. */
  bytes(slot: number): Uint8Array {
    const [at, length] = this.extent(slot, 1);
    return this.buffer.bytes().subarray(at, at + length);
  }

  string(slot: number): string {
    return new TextDecoder().decode(this.bytes(slot).subarray(0, MAX_NAME_BYTES));
  }

  private vector<T>(slot: number, itemBytes: number, most: number, read: (at: number) => T): T[] {
    const [at, length] = this.extent(slot, itemBytes);
    if (length > most) throw this.broken(`it claims ${length} items where ${most} are the limit`);
    return Array.from({ length }, (_, i) => read(at + i * itemBytes));
  }

  private extent(slot: number, itemBytes: number): readonly [at: number, length: number] {
    const field = this.field(slot, 4);
    if (field === undefined) return [0, 0];
    const at = this.buffer.__vector(field);
    this.check(at - 4, 4);
    const length = this.buffer.readUint32(at - 4);
    this.check(at, length * itemBytes);
    return [at, length];
  }

  private follow(at: number): Table {
    return new Table(this.buffer, this.buffer.__indirect(at), this.broken);
  }

  private field(slot: number, bytes: number): number | undefined {
    const offset = this.buffer.__offset(this.start, 4 + 2 * slot);
    if (offset === 0) return undefined;
    this.check(this.start + offset, bytes);
    return this.start + offset;
  }

  private check(at: number, bytes: number): void {
    if (at < 0 || at + bytes > this.buffer.capacity())
      throw this.broken(
        `damaged or cut short: a part lies at byte ${at}, the file has ${this.buffer.capacity()}`,
      );
  }
}
