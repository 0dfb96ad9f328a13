// The Mosquitto of the tests, and what it costs from second to second.
import { readFileSync } from 'node:fs';
import mqtt from 'mqtt';
import { Mosquitto } from '../../test/support/mosquitto.ts';

/** Of /proc/PID/stat; Linux has the same on every machine. */
const TICKS_PER_SECOND = 100;

export class Broker {
  /** One a second: wall clock, publishes until then, processor seconds, resident bytes. */
  seconds = [];
  /** Ids of events in the order in which they came. */
  events = [];
  #mosquitto;
  #observer;
  #timer;
  #counter;
  #publishes = 0;

  async start() {
    // The observer's session outlives a restart, so that no event passes it by.
    this.#mosquitto = await Mosquitto.start({ persistent: true, config: 'log_dest none' });
    const options = { clientId: 'observer', clean: false, reconnectPeriod: 100 };
    this.#observer = await mqtt.connectAsync(this.url, options);
    this.#observer.on('message', (_, payload) => this.events.push(JSON.parse(payload).id));
    await this.#observer.subscribeAsync('bathnet/+/event', { qos: 1 });
    // Listens to all of it, as Home Assistant does.
    this.#counter = await mqtt.connectAsync(this.url, { reconnectPeriod: 50 });
    this.#counter.on('message', (_, __, { retain }) => {
      if (!retain) this.#publishes++;
    });
    await this.#counter.subscribeAsync(['bathnet/#', 'homeassistant/#'], { qos: 0 });
    this.#timer = setInterval(() => this.#look(), 1000);
  }

  get url() {
    return this.#mosquitto.url;
  }

  /** @returns when it listens, wall clock */
  async up() {
    await this.#mosquitto.run();
    return Date.now();
  }

  async down() {
    await this.#mosquitto.stop();
  }

  async stop() {
    clearInterval(this.#timer);
    await this.#observer?.endAsync(true);
    await this.#counter?.endAsync(true);
    await this.#mosquitto?.close();
  }

  #look() {
    const { pid } = this.#mosquitto;
    if (pid === undefined) return;
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
      const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
      const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
      this.seconds.push({
        pid,
        atMs: Date.now(),
        publishes: this.#publishes,
        cpuSeconds,
        bytes: kilobytes * 1024,
      });
    } catch {
      // it has just ended
    }
  }
}
