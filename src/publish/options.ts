import type { IClientOptions } from 'mqtt';
import { ExitCode, UserError } from '../errors.js';
import { lookUp } from '../system/addresses.js';
import { credentialsOf } from './credentials.js';
import type { Protocol } from './protocol.js';
import { readTlsFiles, type TlsFileNames } from './tls-files.js';
import type { Topics } from './topics.js';

export interface Message {
  readonly topic: string;
  readonly payload: string;
}

/** What Home Assistant is told of the device, and what has to be taken back before. */
export interface Announcement {
  /** Retained, again after every reconnect and when Home Assistant starts; none where it is told nothing. */
  readonly messages: readonly Message[];
  /**
   * Retained messages that go out before every state, in this order, each acknowledged before the next: what
   * has to be said only once. After a broken connection they begin again.
   */
  readonly first: readonly Message[];
  /** Called when the broker has all of `first`. */
  onDone(): void;
  /** The topic of the long one among them; left out where all are small. */
  readonly longTopic?: string | undefined;
  /** The same in many small messages, for a broker that does not take the long one; left out where they are small. */
  smaller?(): Announcement;
}

export interface MqttOptions extends TlsFileNames {
  /** `mqtt://host:1883`, `mqtts://host:8883`, `ws://…`, `wss://…` */
  readonly url: string;
  readonly protocol?: Protocol | undefined;
  /** The client id is made of it: two clients with one id throw each other out for ever. */
  readonly deviceId: string;
  readonly topics: Topics;
  readonly announcement?: Announcement | undefined;
  /** Where Home Assistant says that it has started; `homeassistant/status` when left out. */
  readonly birthTopic?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** TLS: the name that the broker's certificate must carry, where it is not the host of `url`. */
  readonly servername?: string | undefined;
  /** TLS: refuse a broker whose certificate cannot be verified. */
  readonly rejectUnauthorized: boolean;
  /** The broker publishes the last will 1.5 times this after it last heard of us. */
  readonly keepaliveSeconds: number;
  /** Where events wait until the broker has acknowledged them; undefined: in memory. */
  readonly outboxFolder?: string | undefined;
  /** Bounds of what waits; the oldest events make room. */
  readonly outboxEvents: number;
  readonly outboxBytes: number;
  readonly outboxDays: number;
  readonly timing?: Partial<MqttTiming> | undefined;
}

export interface MqttTiming {
  readonly connectTimeoutMs: number;
  /** A broker that acknowledges nothing for this long is taken for gone. */
  readonly ackTimeoutMs: number;
  /** First and longest pause before a reconnect; it doubles in between. */
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  /** The longest pause while an event waits. */
  readonly urgentMaxMs: number;
  /** How soon an event that was refused is tried again; the pause doubles up to an hour. */
  readonly refusedRetryMs: number;
  /** How soon the broker must hand back what it has acknowledged; a broker of MQTT 3.1.1 may drop it. */
  readonly echoTimeoutMs: number;
  /** How often the log says that there is still no connection. */
  readonly warnEveryMs: number;
  /** How long stop() may take to send what waits. */
  readonly stopTimeoutMs: number;
  /** Range of the random pause before Home Assistant, just started, is told everything again. */
  readonly announceMinMs: number;
  readonly announceMaxMs: number;
}

export const DEFAULT_TIMING: MqttTiming = {
  connectTimeoutMs: 10_000,
  ackTimeoutMs: 10_000,
  reconnectMinMs: 1000,
  reconnectMaxMs: 60_000,
  urgentMaxMs: 10_000,
  refusedRetryMs: 60_000,
  echoTimeoutMs: 10_000,
  warnEveryMs: 5 * 60_000,
  stopTimeoutMs: 3000,
  announceMinMs: 1000,
  announceMaxMs: 5000,
};

/** So much a broker of MQTT 5 sends at most: commands are short, and whoever may publish could fill the memory. */
const MOST_INCOMING_BYTES = 2 ** 16;

/** Where to connect and how, as MQTT.js takes it. */
export interface BrokerAddress {
  /** Without credentials, nor the query, in which a broker of the web may be given a token: fit for logs. */
  readonly url: string;
  readonly options: IClientOptions;
}

/**
 * Reads the TLS files and puts together what MQTT.js needs for one connection without reconnects of its own.
 *
 * @throws UserError configuration, where the address or a file is unusable; no input, where a file cannot be read
 */
export function brokerAddress(options: MqttOptions, timing: MqttTiming): BrokerAddress {
  const url = parseUrl(options.url);
  const held = credentialsOf(url);
  const { username = held.username, password = held.password, rejectUnauthorized, servername } = options;
  const tls = ['mqtts:', 'wss:'].includes(url.protocol);
  return {
    url: Object.assign(new URL(url), { username: '', password: '', search: '', hash: '' }).href,
    options: {
      ...placeOf(url),
      clean: true,
      clientId: clientIdOf(options),
      ...(username !== '' && { username }),
      ...(password !== '' && { password }),
      keepalive: options.keepaliveSeconds,
      connectTimeout: timing.connectTimeoutMs,
      reconnectPeriod: 0,
      queueQoSZero: false,
      writeCache: false, // 65 536 buffers, one for each number that a packet may carry: 10 MB and 10 ms at the start
      properties: { maximumPacketSize: MOST_INCOMING_BYTES },
      will: { topic: options.topics.availability, payload: Buffer.from('offline'), qos: 1, retain: true },
      ...(tls && { rejectUnauthorized, ...readTlsFiles(options) }),
      ...(tls && servername !== undefined && { servername }),
      // Where there are WebSockets MQTT.js hands certificates on, and nothing else.
      wsOptions: { lookup: lookUp, ...(servername !== undefined && { servername }) },
    },
  };
}

/** In parts: MQTT.js takes an address apart with what Node warns of, and obeys a client id in it. */
export function placeOf({ protocol, hostname, port, pathname, search }: URL): IClientOptions {
  const scheme = protocol.replace(':', '') as NonNullable<IClientOptions['protocol']>;
  // A socket knows an IPv6 address without the brackets that an address of the web keeps.
  const host = scheme.startsWith('mqtt') ? hostname.replace(/^\[(.*)\]$/, '$1') : hostname;
  return { protocol: scheme, host, ...(port !== '' && { port: Number(port) }), path: pathname + search };
}

export function clientIdOf({ deviceId }: Pick<MqttOptions, 'deviceId'>): string {
  return `bathnet2mqtt-${deviceId}`;
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ['mqtt:', 'mqtts:', 'ws:', 'wss:'].includes(url.protocol) && url.hostname !== '')
    return url;
  throw new UserError(
    ExitCode.config,
    // The text may hold a password or a token even where it is no URL.
    `the address of the MQTT broker is not valid: ${text.replace(/\/\/.*@/s, '//…@').replace(/[?#].*/s, '?…')}`,
    'Give it as mqtt://host:1883, or mqtts://host:8883 for TLS.',
  );
}
