import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '../../test/support/mosquitto.js';
import type { Api } from './api.js';

export interface Notification {
  readonly title?: string;
  readonly message: string;
  readonly data?: {
    readonly tag?: string;
    readonly actions?: readonly { readonly action: string; readonly title: string }[];
    readonly [key: string]: unknown;
  };
}

/** https://companion.home-assistant.io/docs/notifications/notifications-basic#clearing */
const REMOVES = 'clear_notification';
/**
 * It takes up to a minute until Home Assistant, once started, knows of a microphone; then something is told. And what is
 * told by how long it lasts it looks for once a minute.
 */
const WAIT_MS = 150_000;

/**
 * A phone with Home Assistant's app, as far as Home Assistant can tell: it registers as the app does, and what would
 * be sent through Google's or Apple's servers comes here
 * (https://developers.home-assistant.io/docs/api/native-app-integration/notifications).
 */
export class Phone {
  private constructor(
    readonly notifications: readonly Notification[],
    private readonly server: Server,
    private readonly api: Api,
    private readonly webhook: string,
    /** Of Home Assistant's device registry. */
    readonly deviceId: string,
  ) {}

  static async register(api: Api, name: string): Promise<Phone> {
    const received: Notification[] = [];
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      received.push(JSON.parse(body));
      response.writeHead(201, { 'content-type': 'application/json' }).end('{}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const push_url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const [deviceId, webhook] = await registerApp(api, name, { push_token: name, push_url });
    return new Phone(received, server, api, webhook, deviceId);
  }

  /** One that gets no messages, as with an app without Google's services. @returns its device */
  static async registerWithoutPush(api: Api, name: string): Promise<string> {
    const [deviceId] = await registerApp(api, name, {});
    return deviceId;
  }

  /** One that is no longer there, because somebody has removed it. @returns the device that it was */
  static async registerAndRemove(api: Api, name: string): Promise<string> {
    const [deviceId] = await registerApp(api, name, {});
    const path = '/api/config/config_entries/entry';
    const entries = await api.get<{ entry_id: string; title: string }[]>(path);
    const entry = entries.find(({ title }) => title === name);
    await api.send(`${path}/${entry?.entry_id}`, { method: 'DELETE' });
    return deviceId;
  }

  /** Waits for one with this title, from the given number on. */
  waitFor(title: string, from = 0): Promise<Notification> {
    return this.#waitFor((each) => each.title === title, title, from);
  }

  /** Waits until what has this tag is taken off, from the given number on. */
  waitForRemoval(tag: string | undefined, from = 0): Promise<Notification> {
    const removes = ({ message, data }: Notification) => message === REMOVES && data?.tag === tag;
    return this.#waitFor(removes, `removal of ${tag}`, from);
  }

  /** Taps on a button of a notification. */
  async tap({ data }: Notification, title: string): Promise<void> {
    const action = data?.actions?.find((each) => each.title === title)?.action;
    if (action === undefined) throw new Error(`no button ${title}`);
    await this.api.send(`/api/webhook/${this.webhook}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        type: 'fire_event',
        data: { event_type: 'mobile_app_notification_action', event_data: { action } },
      }),
    });
  }

  async #waitFor(
    fits: (notification: Notification) => boolean,
    what: string,
    from: number,
  ): Promise<Notification> {
    const found = () => this.notifications.slice(from).find(fits);
    await until(
      () => found() !== undefined,
      () => `no "${what}" among ${JSON.stringify(this.notifications, null, 1)}`,
      WAIT_MS,
    );
    return found() as Notification;
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** @returns device and webhook */
async function registerApp(
  api: Api,
  name: string,
  app_data: object,
): Promise<[device: string, webhook: string]> {
  const { webhook_id } = await api.post<{ webhook_id: string }>('/api/mobile_app/registrations', {
    ...{ device_id: name, device_name: name, app_id: 'test', app_name: 'Test', app_version: '1' },
    ...{ manufacturer: 'Test', model: 'Test', os_name: 'Test', os_version: '1', app_data },
  });
  const find = async () =>
    (await api.command<{ id: string; name: string }[]>({ type: 'config/device_registry/list' })).find(
      (device) => device.name === name,
    );
  await until(async () => (await find()) !== undefined, `no device of ${name}`);
  return [(await find())?.id ?? '', webhook_id];
}
