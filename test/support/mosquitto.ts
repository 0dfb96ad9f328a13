import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface BrokerSetup {
  /** User and password; without it everybody may connect. */
  readonly login?: { readonly username: string; readonly password: string };
  /** `server`: TLS with a certificate for 127.0.0.1 and localhost; `mutual`: demands a client certificate, too. */
  readonly tls?: 'server' | 'mutual';
  /** What stop() interrupts goes on after run(): sessions, retained and waiting messages. */
  readonly persistent?: boolean;
  /** Content of an ACL file for the user of `login`; the subscribers of this class see everything all the same. */
  readonly acl?: string;
  /** More lines of its configuration. */
  readonly config?: string;
  /** Its whole configuration, but for user and listener, instead of one of this class; how the subscribers get in. */
  readonly whole?: { readonly config: string; readonly client: readonly string[] };
}

/** Subscribes and publishes where an ACL restricts the user of `login`. */
const OBSERVER = { username: 'observer', password: 'sees everything' };

export interface SeenMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  /** It was there before the subscription. */
  readonly retained: boolean;
}

/** A real Mosquitto on a free loopback port, with a configuration, users and certificates of its own. */
export class Mosquitto {
  readonly #folder: string;
  readonly #setup: BrokerSetup;
  readonly port: number;
  readonly #subscriptions: Subscription[] = [];
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number, setup: BrokerSetup) {
    this.#folder = folder;
    this.port = port;
    this.#setup = setup;
  }

  static async start(setup: BrokerSetup = {}): Promise<Mosquitto> {
    const broker = await Mosquitto.prepare(setup);
    await broker.run();
    return broker;
  }

  /** Everything but the process: for tests of a broker that is down at first. */
  static async prepare(setup: BrokerSetup = {}): Promise<Mosquitto> {
    const folder = await mkdtemp(join(tmpdir(), 'bathnet-mosquitto-'));
    const broker = new Mosquitto(folder, await freePort(), setup);
    if (setup.tls) makeCertificates(folder);
    if (setup.login) broker.#writeLogin(setup.login.password);
    if (setup.acl !== undefined) broker.#writeAcl(setup.acl);
    await writeFile(broker.file('mosquitto.conf'), broker.#config());
    return broker;
  }

  get url(): string {
    return `${this.#setup.tls ? 'mqtts' : 'mqtt'}://127.0.0.1:${this.port}`;
  }

  /** Of its process; undefined while it is stopped. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** `ca.pem`, `client.pem`, `client.key` of the TLS set-ups, and anything else of this broker. */
  file(name: string): string {
    return join(this.#folder, name);
  }

  /** Starts the process, again where it was stopped; nothing that was retained survives, unless `persistent`. */
  async run(): Promise<void> {
    const child = spawn('mosquitto', ['-c', this.file('mosquitto.conf')], { stdio: 'ignore' });
    this.#process = child;
    await until(() => listens(this.port), 'Mosquitto did not start');
  }

  /** @param signal SIGKILL ends it without warning */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await exited;
  }

  /** It keeps its connections and answers nothing. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Changes the password while it runs. */
  setPassword(password: string): void {
    this.#writeLogin(password);
    this.#process?.kill('SIGHUP');
  }

  /** Changes the access list while it runs. */
  setAcl(acl: string): void {
    this.#writeAcl(acl);
    this.#process?.kill('SIGHUP');
  }

  /** Subscribes with the real `mosquitto_sub`; settles when the broker has granted it. */
  subscribe(...topics: string[]): Promise<Subscription> {
    return this.#subscribe(topics);
  }

  /** A subscription that comes back after a restart of the broker and gets what it has missed (`persistent`). */
  collect(...topics: string[]): Promise<Subscription> {
    return this.#subscribe(topics, '--id', 'collector', '--disable-clean-session');
  }

  async #subscribe(topics: string[], ...more: string[]): Promise<Subscription> {
    // Line by line: what -d says would otherwise wait in a buffer.
    const child = spawn(
      'stdbuf',
      [
        ...['-oL', 'mosquitto_sub', ...this.#clientFlags(), '-q', '1', '-d', '-F', '%j', ...more],
        ...topics.flatMap((topic) => ['-t', topic]),
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const subscription = new Subscription(child);
    this.#subscriptions.push(subscription);
    await until(() => subscription.granted, 'mosquitto_sub was not granted its subscription');
    return subscription;
  }

  /** Publishes with the real `mosquitto_pub`. */
  publish(topic: string, payload: string, ...more: string[]): void {
    execFileSync('mosquitto_pub', [...this.#clientFlags(), '-t', topic, '-m', payload, ...more]);
  }

  /** Stops broker and subscribers and removes all files. */
  async close(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.close()));
    await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #writeAcl(acl: string): void {
    writeFileSync(this.file('acl'), `${acl}\nuser ${OBSERVER.username}\ntopic readwrite #\n`);
  }

  #writeLogin(password: string): void {
    const { username } = this.#setup.login ?? { username: '' };
    const passwd = (user: string, word: string, ...flags: string[]) =>
      execFileSync('mosquitto_passwd', [...flags, '-b', this.file('passwords'), user, word], {
        stdio: 'ignore',
      });
    passwd(username, password, '-c');
    passwd(OBSERVER.username, OBSERVER.password);
  }

  /** How the Mosquitto clients get in. */
  #clientFlags(): string[] {
    const { login, tls, whole } = this.#setup;
    return [
      ...['-h', '127.0.0.1', '-p', `${this.port}`],
      ...(whole?.client ?? []),
      ...(login ? ['-u', OBSERVER.username, '-P', OBSERVER.password] : []),
      ...(tls ? ['--cafile', this.file('ca.pem')] : []),
      ...(tls === 'mutual' ? ['--cert', this.file('client.pem'), '--key', this.file('client.key')] : []),
    ];
  }

  #config(): string {
    const { login, tls, persistent, acl, config, whole } = this.#setup;
    if (whole) return `user ${userInfo().username}\nlistener ${this.port} 127.0.0.1\n${whole.config}`;
    return [
      // Started by root it would become user mosquitto, who may not read this folder.
      `user ${userInfo().username}`,
      'set_tcp_nodelay true',
      `listener ${this.port} 127.0.0.1`,
      login ? `allow_anonymous false\npassword_file ${this.file('passwords')}` : 'allow_anonymous true',
      ...(tls
        ? [
            `cafile ${this.file('ca.pem')}`,
            `certfile ${this.file('server.pem')}`,
            `keyfile ${this.file('server.key')}`,
            `require_certificate ${tls === 'mutual'}`,
          ]
        : []),
      ...(persistent
        ? ['persistence true', `persistence_location ${this.#folder}/`, 'max_queued_messages 0']
        : []),
      ...(acl === undefined ? [] : [`acl_file ${this.file('acl')}`]),
      ...(config === undefined ? [] : [config]),
      '',
    ].join('\n');
  }
}

/** What a `mosquitto_sub` has seen. */
export class Subscription {
  readonly messages: SeenMessage[] = [];
  readonly #process: ChildProcess;
  #granted = false;

  constructor(child: ChildProcess) {
    this.#process = child;
    if (child.stdout) createInterface(child.stdout).on('line', (line) => this.#onLine(line));
  }

  get granted(): boolean {
    return this.#granted;
  }

  /** Payloads seen on a topic, oldest first. */
  on(topic: string): string[] {
    return this.messages.filter((message) => message.topic === topic).map(({ payload }) => payload);
  }

  /** Waits until a message was seen that fits. */
  async waitFor(topic: string, fits: (payload: string) => boolean = () => true): Promise<string> {
    await until(
      () => this.on(topic).some(fits),
      () => `nothing that fits on ${topic}; seen: ${JSON.stringify(this.messages, null, 1)}`,
    );
    return this.on(topic).find(fits) ?? '';
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }

  /** Messages are JSON lines; the others are what `-d` says of the protocol. */
  #onLine(line: string): void {
    if (line.startsWith('Subscribed')) this.#granted = true;
    if (!line.startsWith('{')) return;
    const { topic, payload, qos, retain } = JSON.parse(line);
    this.messages.push({ topic, payload: payload ?? '', qos, retained: retain === 1 });
  }
}

/** Waits, generously, until something is so. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  otherwise: string | (() => string),
  timeoutMs = 60_000,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(typeof otherwise === 'string' ? otherwise : otherwise());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

/** A certificate authority, and a server and a client certificate signed by it. */
export function makeCertificates(folder: string): void {
  const make = (name: string, ...more: string[]) => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.pem`)];
    execFileSync(
      'openssl',
      ['req', '-x509', '-days', '2', '-subj', `/CN=bathnet ${name}`, ...key, ...files, ...more],
      {
        stdio: 'ignore',
      },
    );
    chmodSync(join(folder, `${name}.key`), 0o600);
  };
  const signed = ['-CA', join(folder, 'ca.pem'), '-CAkey', join(folder, 'ca.key')];
  make('ca');
  make('server', ...signed, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  make('client', ...signed);
}
