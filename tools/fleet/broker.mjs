// A Mosquitto of one's own on the loopback, and what it costs from second to second.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';

/** Of /proc/PID/stat; Linux has the same on every machine. */
const TICKS_PER_SECOND = 100;

export class Broker {
  /** One a second: wall clock, publishes until then, processor seconds, resident bytes. */
  seconds = [];
  /** Ids of events in the order in which they came. */
  events = [];
  #folder;
  #process;
  #observer;
  #timer;
  #counter;
  #publishes = 0;

  constructor(folder) {
    this.#folder = folder;
  }

  async start() {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.port = server.address().port;
    server.close();
    // The observer's session outlives a restart, so that no event passes it by.
    const lines = [`listener ${this.port} 127.0.0.1`, 'allow_anonymous true', `user ${userInfo().username}`]
      .concat(['persistence true', `persistence_location ${this.#folder}/`, 'max_queued_messages 0'])
      .concat(['set_tcp_nodelay true', 'log_dest none']);
    writeFileSync(join(this.#folder, 'mosquitto.conf'), `${lines.join('\n')}\n`);
    await this.up();
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
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** @returns when it listens, wall clock */
  async up() {
    this.#process = spawn('mosquitto', ['-c', join(this.#folder, 'mosquitto.conf')], { stdio: 'ignore' });
    while (!(await listens(this.port))) await new Promise((resolve) => setTimeout(resolve, 5));
    return Date.now();
  }

  async down() {
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exited;
    this.#process = undefined;
  }

  async stop() {
    clearInterval(this.#timer);
    await this.#observer?.endAsync(true);
    await this.#counter?.endAsync(true);
    if (this.#process) await this.down();
  }

  #look() {
    const pid = this.#process?.pid;
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

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
