import { hostname } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { v7 as uuidv7 } from 'uuid';
import { messageOf, UserError } from '../errors.js';
import { PROBLEMS } from '../problems.js';
import { type PageOptions, pageUrl } from '../publish/page-url.js';
import { isEventPayload } from '../publish/payloads.js';
import { readTlsFiles, TlsFiles } from '../publish/tls-files.js';
import { Outbox } from '../storage/outbox.js';
import type { Clock, DecisionEvent, Logger, Said } from '../types.js';
import type { Channel } from './channel.js';
import { CommandChannel } from './command.js';
import { Courier } from './courier.js';
import { FaultWatch } from './fault-watch.js';
import { ntfyLetter } from './ntfy.js';
import { type Letter, Post } from './post.js';
import { Trouble } from './trouble.js';

/** From the name of a server to its answer. */
export const POST_LIMIT_MS = 15_000;
/** What waits for a server is bounded; nobody is helped by an alarm of last week. */
export const WAITING = { events: 200, bytes: 1_000_000, days: 7 };

/** What is told beside the beginning of an alarm. */
type Also =
  | 'escalation'
  | 'end'
  | 'acknowledged'
  | 'long_stay'
  | 'water'
  | 'sound'
  | 'deaf'
  | 'problem'
  | 'test';

const ALSO_OF: Readonly<Record<Exclude<DecisionEvent['type'], 'alarm_started'>, Also>> = {
  alarm_escalated: 'escalation',
  alarm_ended: 'end',
  alarm_acknowledged: 'acknowledged',
  long_stay: 'long_stay',
  water_running_long: 'water',
  sound_heard: 'sound',
  test: 'test',
};
/** With any of these nobody is listened to, or not all the time. */
const DEAF: ReadonlySet<string> = new Set([
  ...PROBLEMS.microphone,
  ...PROBLEMS.sound,
  ...PROBLEMS.engine,
  ...PROBLEMS.hearing,
  ...PROBLEMS.restarts,
]);
/** A run that ends soon is too short to see that these last: earlier ones have. */
const LASTING: ReadonlySet<string> = new Set(PROBLEMS.restarts);
/** What is told would not help to tell it. */
const OWN: ReadonlySet<string> = new Set(PROBLEMS.telling);

export interface NotifyOptions {
  readonly also: readonly Also[];
  readonly command?: readonly string[] | undefined;
  readonly commandSeconds: number;
  readonly webhookUrl?: string | undefined;
  readonly webhookToken?: string | undefined;
  readonly ntfyUrl?: string | undefined;
  readonly ntfyToken?: string | undefined;
  readonly clickUrl?: string | undefined;
  readonly caFile?: string | undefined;
}

export interface NotifySurroundings {
  readonly device: { readonly id: string; readonly name: string };
  readonly publisher: { onSaid(handler: (said: Said) => void): void };
  /** Where it says events and health. */
  readonly topics: { readonly event: string; readonly health: string };
  /** Where what could not be delivered is kept. */
  readonly folder: string;
  /** The page, which a tap opens. */
  readonly web: PageOptions;
  /** What is heard is played, not lived: whether the microphone works is nobody's business. */
  readonly test: boolean;
  /** Called with whether any way to somebody does not work. */
  onTrouble(any: boolean): void;
}

/**
 * Tells people of alarms without a home automation: by a command, a webhook, ntfy. It is one more reader of what MQTT
 * is told, beside it: nothing here delays a message or can lose one.
 */
export class Notifier {
  readonly #also: ReadonlySet<string>;
  readonly #channels: readonly Channel[];
  readonly #deaf: FaultWatch;
  readonly #problems: FaultWatch;
  readonly #troubles: Trouble[] = [];
  #troubled = false;

  /** @throws UserError configuration, where the certificate authority is none; no input, where it cannot be read */
  constructor(
    private readonly options: NotifyOptions,
    private readonly surroundings: NotifySurroundings,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    this.#also = new Set(options.also);
    this.#channels = this.#createChannels();
    const telling = (begin: string, end: string) => (problems: readonly string[]) =>
      this.#tell(
        JSON.stringify({
          ...{ event_type: problems.length > 0 ? begin : end, id: uuidv7() },
          ...{ at: new Date(clock.wallMs()).toISOString(), problems, test: false },
        }),
      );
    this.#deaf = new FaultWatch(clock, telling('deaf', 'hears_again'), LASTING);
    this.#problems = new FaultWatch(clock, telling('problem', 'problem_over'));
  }

  /** Whether anybody is told. */
  get tells(): boolean {
    return this.#channels.length > 0;
  }

  /** @param told problems that an earlier run has told */
  start(told: readonly string[] = []): void {
    this.#deaf.known(told);
    if (this.tells) this.surroundings.publisher.onSaid((said) => this.#said(said));
    for (const channel of this.#channels) channel.start();
  }

  /** Writes again what waits, where the folder was removed or replaced. */
  keepAgain(): void {
    for (const channel of this.#channels) channel.keepAgain();
  }

  async stop(): Promise<void> {
    this.#deaf.stop();
    this.#problems.stop();
    for (const trouble of this.#troubles) trouble.stop();
    await Promise.all(this.#channels.map((channel) => channel.stop()));
  }

  /** What MQTT is told; of it, what is wanted is told here. */
  #said({ topic, payload }: Said): void {
    const { topics, test } = this.surroundings;
    try {
      if (topic === topics.event) this.#event(payload);
      else if (topic === topics.health && !test) this.#health(payload);
    } catch (error) {
      this.log.error({ problem: messageOf(error) }, 'an event cannot be told beside MQTT');
    }
  }

  #event(payload: string): void {
    const { event_type } = JSON.parse(payload) as { event_type: DecisionEvent['type'] };
    if (event_type === 'alarm_started' || this.#also.has(ALSO_OF[event_type])) this.#tell(payload);
  }

  #health(payload: string): void {
    const { problems } = JSON.parse(payload) as { problems: readonly string[] };
    if (this.#also.has('deaf')) this.#deaf.set(problems.filter((each) => DEAF.has(each)));
    if (this.#also.has('problem'))
      this.#problems.set(problems.filter((each) => !DEAF.has(each) && !OWN.has(each)));
  }

  /** @param payload JSON of an event, as MQTT is told it; which device it is there the topic says */
  #tell(payload: string): void {
    const { id, name } = this.surroundings.device;
    const notice = JSON.stringify({ device: { id, name }, ...JSON.parse(payload) });
    for (const channel of this.#channels) channel.tell(notice);
  }

  #createChannels(): Channel[] {
    const { command, commandSeconds, caFile, ...options } = this.options;
    const channels: Channel[] = [];
    const authority = caFile === undefined ? undefined : this.#authority(caFile);
    const { clickUrl = pageUrl(this.surroundings.web, hostname()) } = options;
    const webhook = (notice: string) => ({ headers: { 'content-type': 'application/json' }, body: notice });
    const ntfy = (notice: string) => ntfyLetter(notice, clickUrl);
    const add = (
      name: string,
      url: string | undefined,
      token: string | undefined,
      letter: (notice: string) => Letter,
    ) => {
      if (url !== undefined)
        channels.push(this.#courier(name, { url: new URL(url), token }, letter, authority));
    };
    if (command) {
      const limits = { command, limitMs: commandSeconds * 1000 };
      channels.push(new CommandChannel(limits, this.#trouble(), this.log, this.clock));
    }
    add('webhook', options.webhookUrl, options.webhookToken, webhook);
    add('ntfy', options.ntfyUrl, options.ntfyToken, ntfy);
    return channels;
  }

  #courier(
    name: string,
    server: { readonly url: URL; readonly token: string | undefined },
    letter: (notice: string) => Letter,
    authority: TlsFiles | undefined,
  ): Courier {
    const { log, clock } = this;
    const folder = join(this.surroundings.folder, `outbox-${name}`);
    const outbox = new Outbox({ folder, ...WAITING, isPayload: isEventPayload }, log, clock);
    // Those that Node knows, and this one.
    const ca = authority && (() => [...rootCertificates, String(authority.contents.ca)]);
    const post = new Post({ ...server, ca, limitMs: POST_LIMIT_MS }, clock);
    const send = async (notice: string, signal: AbortSignal) => {
      await authority?.renew(); // each letter has a connection of its own
      return post.send(() => letter(notice), signal);
    };
    return new Courier(name, server.url.origin, outbox, send, this.#trouble(), log, clock);
  }

  #authority(caFile: string): TlsFiles {
    const files = new TlsFiles({ caFile }, this.log, this.clock);
    try {
      files.contents = readTlsFiles({ caFile });
      return files;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(
        error.code,
        `notify.caFile: ${error.message}`,
        'Give a PEM file that the daemon may read.',
        { cause: error },
      );
    }
  }

  /** That of one more channel. */
  #trouble(): Trouble {
    const trouble = new Trouble(this.clock, () => {
      const any = this.#troubles.some((each) => each.any);
      if (any !== this.#troubled) this.surroundings.onTrouble(any);
      this.#troubled = any;
    });
    this.#troubles.push(trouble);
    return trouble;
  }
}
