import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, until } from '../../test/support/mosquitto.js';
import { inside } from '../debian.js';
import { Api } from './api.js';
import { HASS, type Installed } from './install.js';

export const TIME_ZONE = 'Europe/Berlin';
const START_TIMEOUT_MS = 180_000;
const DASHBOARD = fileURLToPath(new URL('../../config/homeassistant/dashboard.yaml', import.meta.url));

/** Only what is looked at, and nothing that asks others for anything; the dashboard is the one that ships. */
const configuration = (port: number) => `
homeassistant:
  name: Home
  unit_system: metric
  time_zone: ${TIME_ZONE}
  country: DE
  language: en
http:
  server_host: 127.0.0.1
  server_port: ${port}
frontend:
mobile_app:
history:
logbook:
recorder:
  commit_interval: 1
automation: !include automations.yaml
lovelace:
  dashboards:
    bath-room:
      mode: yaml
      title: Bathroom
      icon: mdi:shower-head
      show_in_sidebar: true
      filename: dashboard.yaml
logger:
  default: warning
`;

/** A Home Assistant that runs, on loopback, with a configuration of its own. */
export class HomeAssistant {
  /** What it has printed. */
  log = '';
  #child: ChildProcess | undefined;
  #api: Api | undefined;

  private constructor(
    private readonly installed: Installed,
    private readonly folder: string,
    private readonly port: number,
  ) {}

  /** Its first start: it is onboarded, and has nothing set up. */
  static async start(installed: Installed): Promise<HomeAssistant> {
    const folder = mkdtempSync(join(tmpdir(), 'bathnet-home-assistant-'));
    const port = await freePort();
    writeFileSync(join(folder, 'configuration.yaml'), configuration(port));
    writeFileSync(join(folder, 'automations.yaml'), '[]\n');
    copyFileSync(DASHBOARD, join(folder, 'dashboard.yaml'));
    const started = new HomeAssistant(installed, folder, port);
    try {
      await started.run();
      started.#api = await Api.onboard(started.url);
      return started;
    } catch (error) {
      await started.close();
      throw error;
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get api(): Api {
    if (this.#api === undefined) throw new Error('nobody lives there yet');
    return this.#api;
  }

  async run(): Promise<void> {
    const [program = '', ...args] = inside(this.installed.root, HASS, this.folder);
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/mnt', LANG: 'C.UTF-8' };
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        this.log = (this.log + data).slice(-100_000);
      });
    await until(
      () => this.#runs(child),
      () => `Home Assistant did not start: ${this.log}`,
      START_TIMEOUT_MS,
    );
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.#api?.close();
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
    await exited;
    clearTimeout(late);
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Before it is onboarded it says so by itself; from then on it says whether all is set up. */
  async #runs(child: ChildProcess): Promise<boolean> {
    if (child.exitCode !== null) throw new Error(`Home Assistant has ended: ${this.log}`);
    try {
      if (this.#api) return (await this.#api.get<{ state: string }>('/api/config')).state === 'RUNNING';
      return (await fetch(`${this.url}/api/onboarding`)).ok;
    } catch {
      return false;
    }
  }
}
