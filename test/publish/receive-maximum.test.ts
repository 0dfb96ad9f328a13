import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { MqttPublisher } from '../../src/publish/client.js';
import { topicsOf } from '../../src/publish/topics.js';
import { systemClock } from '../../src/system/clock.js';
import { until } from '../support/mosquitto.js';
import { recordingLog } from './samples.js';

const topics = topicsOf({ prefix: 'bathnet', deviceId: 'test' });
const [CONNECT, PUBLISH, SUBSCRIBE] = [1, 3, 8];
const TOO_MANY = 0x93;

/**
 * A broker of MQTT 5 that says how many messages may await their acknowledgement, and closes the connection on more, as
 * its specification lets it (section 3.3.4). All that it is sent here is shorter than 128 bytes.
 */
async function startStrictBroker(receiveMaximum: number) {
  const taken: string[] = [];
  let connections = 0;
  let most = 0;
  const server = createServer((socket) => {
    connections++;
    let waiting = 0;
    let rest = Buffer.alloc(0);
    const answer = (first: number, id: Buffer, more: number[] = []) => {
      if (socket.writable) socket.write(Buffer.from([first, id.length + more.length, ...id, ...more]));
    };
    const take = (first: number, packet: Buffer) => {
      const type = first >> 4;
      if (type === CONNECT) answer(0x20, Buffer.from([0, 0, 3, 0x21, 0, receiveMaximum]));
      if (type === SUBSCRIBE) answer(0x90, packet.subarray(0, 2), [0, 1]);
      if (type !== PUBLISH || ((first >> 1) & 3) === 0) return;
      most = Math.max(most, ++waiting);
      if (waiting > receiveMaximum) {
        socket.end(Buffer.from([0xe0, 1, TOO_MANY]));
        return;
      }
      const end = 2 + packet.readUInt16BE(0);
      taken.push(packet.toString('utf8', 2, end));
      setTimeout(() => {
        waiting--;
        answer(0x40, packet.subarray(end, end + 2));
      }, 10);
    };
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      while (rest.length > 1 && rest.length >= 2 + rest[1]!) {
        const end = 2 + rest[1]!;
        take(rest[0]!, rest.subarray(2, end));
        rest = rest.subarray(end);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `mqtt://127.0.0.1:${port}`, taken, connections: () => connections, most: () => most };
}

it.each([1, 2, 10])(
  'a broker that takes %i at a time gets no more, and an event before the states',
  async (limit) => {
    const broker = await startStrictBroker(limit);
    const options = {
      ...{ url: broker.url, deviceId: 'test', topics, rejectUnauthorized: true, keepaliveSeconds: 30 },
      ...{ outboxEvents: 10, outboxBytes: 100_000, outboxDays: 1 },
      timing: { reconnectMinMs: 20, reconnectMaxMs: 100 },
    };
    const log = recordingLog();
    const publisher = new MqttPublisher(options, log, systemClock);
    onTestFinished(() => publisher.stop());
    for (let i = 0; i < 40; i++) publisher.setState(`state/${i}`, 'value');
    for (let i = 0; i < 15; i++) publisher.onMessage(`command/${i}`, () => {});
    publisher.start();
    await until(() => broker.taken.includes('state/5'), 'nothing was sent');
    publisher.sendEvent(topics.event, JSON.stringify({ at: new Date().toISOString() }));
    await until(
      () => broker.taken.includes(topics.availability),
      () => log.lines.join('\n'),
    );
    expect(broker.taken.indexOf(topics.event)).toBeLessThan(broker.taken.indexOf('state/20'));
    expect(broker.connections()).toBe(1);
    expect(broker.most()).toBeLessThanOrEqual(limit);
  },
);
