import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from './mosquitto.js';

/** A compiled file of the program. */
export const dist = (path: string) => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));

/** Runs a script of its own process in the project's folder. */
export const runScript = (script: string, args: readonly string[], stdio: StdioOptions) =>
  spawn(process.execPath, ['--input-type=module', '-e', script, ...args], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio,
  });

/**
 * A process that publishes a numbered event for each line on its standard input, and prints the number when
 * it is on the disk: from then on nothing may lose it. `durationSeconds` carries the number.
 */
const SCRIPT = `
  import { createInterface } from 'node:readline';
  import { v7 as uuidv7 } from 'uuid';
  import { systemClock } from '${dist('system/clock.js')}';
  import { MqttPublisher } from '${dist('publish/client.js')}';
  import { eventPayload } from '${dist('publish/payloads.js')}';
  import { topicsOf } from '${dist('publish/topics.js')}';
  const [url, outboxFolder] = process.argv.slice(1);
  const topics = topicsOf({ prefix: 'bathnet', deviceId: 'test' });
  const nothing = () => {};
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const timing = { reconnectMinMs: 20, reconnectMaxMs: 200 };
  const bounds = { outboxEvents: 10_000, outboxBytes: 1e8, outboxDays: 1 };
  const options = { url, outboxFolder, deviceId: 'test', topics, rejectUnauthorized: true, keepaliveSeconds: 30, ...bounds, timing };
  const publisher = new MqttPublisher(options, log, systemClock);
  publisher.start();
  const model = { name: 'm', version: '1', sha256: '', engine: 'none', labels: [], alarmLabels: [], alarmKinds: [] };
  createInterface(process.stdin).on('line', async (line) => {
    const event = { type: 'water_running_long', atMs: Date.now(), durationSeconds: Number(line) };
    publisher.sendEvent(topics.event, eventPayload(event, { id: uuidv7(), test: true, model }));
    await publisher.written();
    process.stdout.write(line + '\\n');
  });
`;

/** The part of the daemon that publishes, as a process that can be killed and started again. */
export class EventSource {
  /** Numbers of the events that are on the disk. */
  readonly sent = new Set<number>();
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  constructor(url: string, folder: string) {
    this.#args = [url, folder];
  }

  start(): void {
    const child = runScript(SCRIPT, this.#args, ['pipe', 'pipe', 'inherit']);
    child.stdin?.on('error', () => {}); // killed while it is written to
    if (child.stdout) createInterface(child.stdout).on('line', (line) => this.sent.add(Number(line)));
    this.#child = child;
  }

  send(number: number): void {
    this.#child?.stdin?.write(`${number}\n`);
  }

  /** Waits until an event is safe. */
  async sentAll(upTo: number): Promise<void> {
    await until(() => this.sent.has(upTo), `event ${upTo} was not taken`);
  }

  /** Ends it without a chance to do anything, and waits until all that it has said is known. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  }
}
