import { BIRTH_TOPIC } from '../../src/constants.js';
import { Daemons, type Program } from '../../test/support/daemon.js';
import { Mosquitto, until } from '../../test/support/mosquitto.js';
import type { Api, State } from './api.js';
import type { Installed } from './install.js';
import { HomeAssistant } from './instance.js';
import { Microphone } from './microphone.js';

export interface Entity {
  readonly entity_id: string;
  readonly unique_id: string;
  readonly device_id: string;
  readonly entity_category: string | null;
  readonly original_name: string;
  readonly original_device_class: string | null;
  readonly disabled_by: string | null;
  readonly platform: string;
}

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly identifiers: readonly (readonly [string, string])[];
  readonly manufacturer: string;
  readonly model: string;
  readonly sw_version: string;
  readonly configuration_url: string | null;
  readonly area_id: string | null;
}

/** A room with a microphone, and the daemon that listens there. */
export interface Room {
  readonly microphone: Microphone;
  readonly daemon: Program;
}

/** A broker, a Home Assistant that has it, and rooms. */
export class Home {
  readonly #microphones: Microphone[] = [];

  private constructor(
    readonly broker: Mosquitto,
    readonly homeAssistant: HomeAssistant,
    readonly daemons: Daemons,
  ) {}

  static async start(installed: Installed): Promise<Home> {
    const homeAssistant = await HomeAssistant.start(installed);
    const home = new Home(await Mosquitto.start(), homeAssistant, await Daemons.create());
    try {
      await home.#setUpMqtt();
      return home;
    } catch (error) {
      await home.close();
      throw new Error(`no MQTT: ${homeAssistant.log}`, { cause: error });
    }
  }

  get api(): Api {
    return this.homeAssistant.api;
  }

  /** @param id of the device; its name is that of the room */
  async room(id: string, name: string, ...args: readonly string[]): Promise<Room> {
    const microphone = await Microphone.start();
    this.#microphones.push(microphone);
    const daemon = this.start(microphone, id, name, ...args);
    await this.device(name);
    return { microphone, daemon };
  }

  /** The daemon of a room, anew. */
  start(microphone: Microphone, id: string, name: string, ...args: readonly string[]): Program {
    const set = [`device.id=${id}`, `device.name=${name}`].flatMap((setting) => ['--set', setting]);
    return this.daemons.start(this.broker.url, ['--source', microphone.source, ...set, ...args]);
  }

  /** Waits for a device of the given name. */
  async device(name: string): Promise<Device> {
    const find = async () => (await this.devices()).find((device) => device.name === name);
    await until(
      async () => (await find()) !== undefined,
      () => `no device ${name}: ${this.homeAssistant.log.slice(-2000)}`,
      60_000,
    );
    return (await find()) as Device;
  }

  /** Those that came over MQTT. */
  async devices(): Promise<Device[]> {
    const all = await this.api.command<Device[]>({ type: 'config/device_registry/list' });
    return all.filter(({ identifiers }) => identifiers.some(([domain]) => domain === 'mqtt'));
  }

  async entities(device: Device): Promise<Entity[]> {
    const all = await this.api.command<Entity[]>({ type: 'config/entity_registry/list' });
    return all.filter(({ device_id }) => device_id === device.id);
  }

  /** Waits until an entity is in a state. */
  async until(entity: string, state: string | ((state: State) => boolean)): Promise<State> {
    const fits = typeof state === 'string' ? (now: State) => now.state === state : state;
    let now: State | undefined;
    const check = async () => {
      now = await this.api.state(entity);
      return now !== undefined && fits(now);
    };
    await until(check, () => `${entity} is ${JSON.stringify(now)}`, 60_000);
    return now as State;
  }

  async close(): Promise<void> {
    for (const microphone of this.#microphones) microphone.close();
    await this.daemons.close();
    await this.homeAssistant.close();
    await this.broker.close();
  }

  async #setUpMqtt(): Promise<void> {
    const births = await this.broker.subscribe(BIRTH_TOPIC);
    const path = '/api/config/config_entries/flow';
    const { flow_id } = await this.api.post<{ flow_id: string }>(path, { handler: 'mqtt' });
    const answer = await this.api.post<{ type: string }>(`${path}/${flow_id}`, {
      broker: '127.0.0.1',
      port: this.broker.port,
      protocol: '5',
      other_settings: { set_client_cert: false, set_ca_cert: 'off' },
    });
    if (answer.type !== 'create_entry') throw new Error(`MQTT: ${JSON.stringify(answer)}`);
    // It comes some seconds later, and tells a daemon that whoever has just acknowledged an alarm meant an earlier one.
    await until(() => births.messages.length > 0, 'Home Assistant does not say that it is there');
    await births.close();
  }
}
