import { expect, it, onTestFinished } from 'vitest';
import { MqttPublisher } from '../../src/publish/client.js';
import { topicsOf } from '../../src/publish/topics.js';
import { systemClock } from '../../src/system/clock.js';
import { Mosquitto, until } from '../support/mosquitto.js';
import { lacksPrograms } from '../support/require.js';
import { recordingLog } from './samples.js';

const topics = topicsOf({ prefix: 'bathnet', deviceId: 'test' });

it.skipIf(lacksPrograms('mosquitto', 'mosquitto_sub'))(
  'what goes out first is complete and in order before anything else, also where the connection breaks meanwhile',
  async () => {
    const broker = await Mosquitto.start();
    const options = {
      ...{ url: broker.url, deviceId: 'test', topics, rejectUnauthorized: true, keepaliveSeconds: 30 },
      ...{ outboxEvents: 10, outboxBytes: 100_000, outboxDays: 1 },
      timing: { ackTimeoutMs: 200, connectTimeoutMs: 500, reconnectMinMs: 20, reconnectMaxMs: 100 },
    };
    let done = 0;
    const first = Array.from({ length: 300 }, (_, i) => ({ topic: 'first', payload: `${i}` }));
    const announcement = { messages: [], first, onDone: () => void done++ };
    const publisher = new MqttPublisher({ ...options, announcement }, recordingLog(), systemClock);
    onTestFinished(async () => {
      broker.resume();
      await publisher.stop();
      await broker.close();
    });
    const seen = await broker.subscribe('#');
    publisher.setState('state', 'value');
    publisher.start();
    await until(() => seen.on('first').length > 10, 'nothing was sent');
    broker.pause();
    await until(() => !publisher.connected, 'the pause was not noticed');
    expect(done).toBe(0);
    broker.resume();
    await seen.waitFor(topics.availability, (payload) => payload === 'online');
    expect(done).toBe(1);
    const order = seen.messages.map(({ payload }) => payload);
    expect(order.slice(-302)).toEqual([...first.map(({ payload }) => payload), 'value', 'online']);
    expect(new Set(order.slice(0, -302))).not.toContain('value');
  },
);
