import { Allowance, Paced } from '../system/paced.js';
import type {
  Acknowledgement,
  Clock,
  Denial,
  Logger,
  SettingName,
  SettingValues,
  Verdict,
} from '../types.js';
import type { MqttPublisher } from './client.js';
import {
  acknowledge,
  expectedOf,
  judge,
  malformed,
  notPressed,
  parseNumber,
  parseValue,
  textOf,
} from './command-text.js';
import { RollOuts } from './roll-outs.js';
import type { Topics } from './topics.js';

/** So often in a row the state of a topic is said at once; what changes faster than once a second after that, with its last value. */
const BURST = 20;
const EVERY_MS = 1000;
/** Each test is an event that is kept until it is delivered: a flood of them must not push out alarms. */
const TESTS = 5;
const TEST_EVERY_MS = 60_000;
const TOO_MANY_TESTS: Denial = {
  code: 'too_many_tests',
  problem: 'too many tests: one a minute from now on',
};

/** What is said of the room; `None` and nothing at all: not known. */
const OCCUPIED: ReadonlyMap<string, boolean | undefined> = new Map([
  ['ON', true],
  ['OFF', false],
  ['None', undefined],
  ['', undefined],
]);
const SETTINGS: readonly SettingName[] = [
  'enabled',
  'threshold',
  'hits',
  'window',
  'cooldownSeconds',
  'sensitivity',
  'quietFrom',
  'quietTo',
];

/** A number beside the settings that is said and changed like them. */
export interface AdjustableNumber {
  readonly topics: { readonly state: string; readonly command: string };
  readonly value: number;
  /** @returns why not, where the value is refused */
  set(value: number): Denial | undefined;
}

/** What commands act upon. */
export interface CommandTarget {
  /** A setting that is left out does nothing with this model: nobody is listened to. */
  readonly settings: SettingValues;
  /**
   * @param text as it was rolled out to all devices: it counts once, however often the broker tells of it; left out
   *   where it was said to this device alone
   * @returns why not, where the value is refused
   */
  set(name: SettingName, value: boolean | number | string, rolledOut?: string): Denial | undefined;
  /** Of sounds beside the alarm. */
  readonly numbers?: readonly AdjustableNumber[] | undefined;
  /** @returns why it counts for nothing */
  acknowledge(given: Acknowledgement): Denial | undefined;
  /** Settings are taken that are rolled out to all devices, too. */
  readonly rollouts: boolean;
  /** @returns why not, where it is not done */
  test(): Denial | undefined;
  /**
   * Somebody is in the room, or nobody; undefined: they do not know.
   *
   * @param retained it may be of any age
   */
  occupied(occupied: boolean | undefined, retained: boolean): void;
  /** Left out where verdicts are not kept: then nobody is listened to. */
  readonly feedback?: ((verdict: Verdict, episodeId?: string) => Denial | undefined) | undefined;
}

/**
 * Commands in: takes what comes on the command topics, refuses what makes no sense, and says the value of
 * every setting that was touched – also after a refusal, so that a switch or number shown elsewhere snaps back.
 */
export class Commands {
  readonly #rollOuts: RollOuts;
  readonly #paces: Paced[] = [];
  /** What each topic's text does; returns why not. */
  readonly #deeds = new Map<string, (text: string) => Denial | undefined>();

  constructor(
    private readonly publisher: Pick<MqttPublisher, 'setState' | 'onMessage'>,
    private readonly topics: Topics,
    private readonly target: CommandTarget,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {
    const change = (name: SettingName, text: string) => this.#change(name, text, text);
    this.#rollOuts = new RollOuts(change, (topic, denial) => this.#refuse(topic, denial), clock);
  }

  /** Says all settings and begins to listen, now and after every reconnect. */
  start(): void {
    const { commands, rollouts } = this.topics;
    for (const name of SETTINGS) {
      if (this.target.settings[name] === undefined) continue;
      this.#say(name);
      const saying = this.#pace(() => this.#say(name));
      this.#listen(
        commands[name],
        (text) => this.#change(name, text),
        () => saying.ask(),
      );
      if (name === 'enabled' || !this.target.rollouts) continue;
      this.#listen(
        rollouts[name],
        (text) => this.#rollOuts.take(name, { topic: rollouts[name], text, onTaken: () => saying.ask() }),
        () => saying.ask(),
        () => this.#rollOuts.remove(name),
      );
    }
    for (const number of this.target.numbers ?? []) this.#listenToNumber(number);
    this.#listenToOccupied();
    this.#listen(commands.acknowledge, (text) =>
      acknowledge(text, (given) => this.target.acknowledge(given)),
    );
    const tests = new Allowance(TESTS, TEST_EVERY_MS, this.clock);
    this.#listen(commands.test, (text) => notPressed(text) ?? this.#test(tests));
    const { feedback } = this.target;
    if (feedback) this.#listen(commands.feedback, (text) => judge(text, feedback));
  }

  /**
   * Obeys what did not come over MQTT.
   *
   * @param topic one of those that are listened to
   * @returns why not
   */
  obey(topic: string, text: string): Denial | undefined {
    const deed = this.#deeds.get(topic);
    return deed ? deed(text.trim()) : { code: 'no_such_command', problem: `there is no command ${topic}` };
  }

  /** Says what waits to be said. */
  stop(): void {
    this.#rollOuts.stop();
    for (const paced of this.#paces) paced.flush();
  }

  /**
   * @param act does what the text says, or returns why not
   * @param afterwards whether it was done or refused
   * @param onRemoved where what the broker has retained counts, too: somebody removes it there
   */
  #listen(
    topic: string,
    act: (text: string) => Denial | undefined,
    afterwards = () => {},
    onRemoved?: () => void,
  ): void {
    const obey = (read: ReturnType<typeof textOf>) => {
      const denial = 'problem' in read ? read : act(read.text);
      afterwards();
      return denial;
    };
    this.#deeds.set(topic, (text) => obey({ text }));
    this.publisher.onMessage(topic, (message) => {
      if (message.payload.length === 0) return onRemoved?.(); // somebody removes a retained command
      this.#refuse(topic, obey(textOf(onRemoved ? { ...message, retained: false } : message)));
    });
  }

  #listenToNumber(number: AdjustableNumber): void {
    const { topics } = number;
    const say = () => this.publisher.setState(topics.state, String(number.value));
    say();
    const saying = this.#pace(say);
    const change = (text: string) => {
      const value = parseNumber(text);
      return value === undefined ? malformed('expected a number') : number.set(value);
    };
    this.#listen(topics.command, change, () => saying.ask());
  }

  /** No deed but a state: what the broker has kept counts, and nothing is what it says when that is removed. */
  #listenToOccupied(): void {
    const topic = this.topics.commands.occupied;
    let said: { occupied: boolean | undefined; retained: boolean } = { occupied: undefined, retained: false };
    const paced = this.#pace(() => this.target.occupied(said.occupied, said.retained));
    const say = (text: string, retained: boolean): Denial | undefined => {
      if (!OCCUPIED.has(text)) return malformed('expected ON, OFF or None');
      said = { occupied: OCCUPIED.get(text), retained };
      paced.ask();
      return undefined;
    };
    this.#deeds.set(topic, (text) => say(text, false));
    this.publisher.onMessage(topic, (message) => {
      const { retained } = message;
      const read = textOf({ ...message, retained: false });
      this.#refuse(topic, 'problem' in read ? read : say(read.text, retained));
    });
  }

  #pace(act: () => void): Paced {
    const paced = new Paced(BURST, EVERY_MS, this.clock, act);
    this.#paces.push(paced);
    return paced;
  }

  #change(name: SettingName, text: string, rolledOut?: string): Denial | undefined {
    const value = parseValue(name, text);
    if (value === undefined) return malformed(`expected ${expectedOf(name)}`);
    const before = this.target.settings[name];
    const denial = this.target.set(name, value, rolledOut);
    const after = this.target.settings[name];
    if (after !== before) this.log.info({ setting: name, before, value: after }, 'setting changed');
    if (!denial) this.#rollOuts.changed(name);
    return denial;
  }

  #test(allowance: Allowance): Denial | undefined {
    if (allowance.waitMs > 0) return TOO_MANY_TESTS;
    allowance.use();
    return this.target.test();
  }

  #say(name: SettingName): void {
    const value = this.target.settings[name];
    const text = typeof value === 'boolean' ? (value ? 'ON' : 'OFF') : String(value);
    this.publisher.setState(this.topics.settings[name], text);
  }

  /** @param denial where it is left out, nothing is wrong */
  #refuse(topic: string, denial: Denial | undefined): void {
    if (denial) this.log.warn({ topic, reason: denial.problem }, 'command refused');
  }
}
