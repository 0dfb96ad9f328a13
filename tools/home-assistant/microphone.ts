import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { decodeFile } from '../../src/audio/decode.js';
import { SCENE } from '../../test/support/daemon.js';
import { collect } from '../../test/support/sound.js';
import { levelled, RATE_HZ, roomTone, seededRandom } from '../scene/sounds.mjs';

/** Of the scene, what is heard of the fall, of the water and of somebody who speaks, in seconds. */
const FALL = [12, 16.6] as const;
const WATER = [2, 6] as const;
const SPEECH = [6.8, 11.2] as const;
const TICK_MS = 100;

/** What a microphone hears in a bathroom, in real time: its room, and what happens there when it is told to. */
export class Microphone {
  readonly #listeners = new Set<Socket>();
  #timer: NodeJS.Timeout | undefined;
  #queue: Float32Array = new Float32Array();
  #sentAt = 0;
  #muted = false;
  /** Samples of the room's tone that have been heard. */
  #at = 0;

  private constructor(
    private readonly server: Server,
    private readonly scene: Float32Array,
    private readonly room: Float32Array,
  ) {}

  static async start(): Promise<Microphone> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const room = levelled(roomTone(seededRandom(1), 10), -56);
    const microphone = new Microphone(server, await collect(decodeFile(SCENE)), room);
    server.on('connection', (socket) => microphone.#listen(socket));
    microphone.#sentAt = performance.now();
    microphone.#timer = setInterval(() => microphone.#tick(), TICK_MS);
    return microphone;
  }

  /** For `--source`: whoever runs it hears what is heard from then on. */
  get source(): string {
    const { port } = this.server.address() as AddressInfo;
    return `command:exec bash -c 'exec cat < /dev/tcp/127.0.0.1/${port}'`;
  }

  /** Somebody falls, and takes bottles along. */
  fall(): void {
    this.#play(FALL);
  }

  /** Water runs for so many seconds. */
  water(seconds: number): void {
    this.#play(WATER, seconds);
  }

  /** Somebody speaks for some seconds. */
  speak(): void {
    this.#play(SPEECH);
  }

  /** Nothing comes any more, until `unmute`. */
  mute(): void {
    this.#muted = true;
  }

  unmute(): void {
    this.#muted = false;
  }

  close(): void {
    clearInterval(this.#timer);
    for (const socket of this.#listeners) socket.destroy();
    this.server.close();
  }

  /** A part of the scene, again and again where it is to be longer. */
  #play([from, to]: readonly [number, number], seconds = to - from): void {
    const part = this.scene.slice(from * RATE_HZ, to * RATE_HZ);
    this.#queue = Float32Array.from({ length: seconds * RATE_HZ }, (_, i) => part[i % part.length] as number);
  }

  #listen(socket: Socket): void {
    this.#listeners.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#listeners.delete(socket));
  }

  #tick(): void {
    const now = performance.now();
    const samples = Math.round(((now - this.#sentAt) / 1000) * RATE_HZ);
    this.#sentAt = now;
    const bytes = new Int16Array(samples).map((_, i) => this.#sample(i) * 32_767);
    this.#queue = this.#queue.subarray(samples);
    this.#at += samples;
    if (this.#muted) return;
    for (const socket of this.#listeners) socket.write(new Uint8Array(bytes.buffer));
  }

  /** In −1…1, so many after what has been heard. */
  #sample(ahead: number): number {
    return this.#queue[ahead] ?? (this.room[(this.#at + ahead) % this.room.length] as number);
  }
}
