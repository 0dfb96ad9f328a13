import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { Paced } from '../system/paced.js';
import type {
  Clock,
  DecisionEvent,
  Denial,
  Logger,
  PipelineResult,
  ScoredWindow,
  Verdict,
} from '../types.js';
import {
  embeddingsOf,
  type FeedbackRecord,
  namesOfRecords,
  readFeedback,
  toBase64,
} from './feedback-records.js';
import { makeFolder, writeFileWhole } from './files.js';

/** Windows of one alarm that are remembered: half a minute at the default hop. */
const MAX_WINDOWS = 64;
/** A sound is heard at most so long before the window that counts as its hit: the event head looks back for 2.4 s. */
const BEFORE_HIT_MS = 2500;
/** Alarms of this run that can still be judged. */
const MOST_ALARMS = 20;
/** The oldest verdict makes room for a newer one. */
const MAX_RECORDS = 1000;
/** So many verdicts in a row are written at once, and then one in a minute: whoever may give them must not wear out a card. */
const BURST = 5;
const EVERY_MS = 60_000;
/** How often it is looked for verdicts that another process has deleted. */
const LOOK_MS = 10_000;
/** A veto is said at most this often. */
const VETO_SAID_MS = 60_000;

/** An alarm that a verdict may be about. */
interface Alarm {
  readonly episodeId: string;
  readonly label: string;
  readonly kind?: string | undefined;
  readonly atMs: number;
  /** Of each sound that spoke for it. */
  readonly embeddings: Float32Array[];
}

interface Given {
  readonly episodeId: string;
  readonly verdict: Verdict;
}

/** Whoever heeds verdicts from now on. */
export interface VerdictSink {
  readonly episodeIds: readonly string[];
  set(episodeId: string, verdict: Verdict, embeddings: readonly Float32Array[]): void;
  delete(episodeId: string): void;
}

/**
 * Verdicts on alarms, as data for training: the embeddings of the alarm's windows – never the sound, which
 * cannot be made out of them – in one file per alarm.
 */
export class FeedbackStore {
  /** The last alarms, of which the newest is on or was the last one. */
  readonly #alarms = new Map<string, Alarm>();
  #alarm: Alarm | undefined;
  #open = false;
  /** What has been given last. */
  #given = '';
  /** The last verdict that did not say of which alarm it is. */
  #guessed: (Given & { readonly atMs: number; readonly before: Verdict | undefined }) | undefined;
  /** The last verdict on each of the last alarms. */
  readonly #verdicts = new Map<string, Verdict>();
  /** What is to be written, by alarm. */
  readonly #waiting = new Map<string, { alarm: Alarm; verdict: Verdict; givenAt: string }>();
  readonly #save: Paced;
  #writing: Promise<void> = Promise.resolve();
  /** What has spoken for an alarm last, and when it was heard first. */
  readonly #recent: { readonly subject: Float32Array; readonly atMs: number }[] = [];
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #vetoSaidAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly folder: string,
    private readonly model: FeedbackRecord['model'],
    private readonly sink: VerdictSink | undefined,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {
    this.#save = new Paced(BURST, EVERY_MS, clock, () => {
      this.#writing = this.#writing.then(() => this.#write());
    });
  }

  /** Heeds the verdicts that are kept, of the same backbone. */
  load(): this {
    if (!this.sink) return this;
    const warn = (problem: string) => this.log.warn({ problem }, 'what was said of alarms does not count');
    try {
      for (const record of readFeedback(this.folder, warn)) this.#heed(record);
    } catch (error) {
      warn(messageOf(error));
    }
    return this;
  }

  /** Takes every result, before the event that it may cause; remembers those of an alarm. */
  window(result: PipelineResult): void {
    const known = this.#alarm?.embeddings;
    for (const subject of result.subjects) {
      if (this.#recent.every((each) => each.subject !== subject)) {
        this.#recent.push({ subject, atMs: result.scored.endAtMs });
        if (this.#recent.length > MAX_WINDOWS) this.#recent.shift();
      }
      if (this.#open && known && known.length < MAX_WINDOWS && !known.includes(subject)) known.push(subject);
    }
    this.#sayVeto(result.scored);
    this.#lookForDeleted();
  }

  /** Takes every event. */
  event(event: DecisionEvent): void {
    if (event.type === 'alarm_ended' && event.episodeId === this.#alarm?.episodeId) this.#open = false;
    if (event.type !== 'alarm_started') return;
    const { episodeId, label, kind, atMs, hits } = event;
    this.#open = true;
    // The window that starts it may be one of the silence after an impact.
    const fromMs = Math.min(atMs, ...hits.map((hit) => hit.atMs)) - BEFORE_HIT_MS;
    const embeddings = this.#recent.filter((each) => each.atMs >= fromMs).map(({ subject }) => subject);
    this.#alarm = { episodeId, label, kind, atMs, embeddings };
    this.#alarms.set(episodeId, this.#alarm);
    for (const oldest of this.#alarms.keys())
      if (this.#alarms.size > MOST_ALARMS) {
        this.#alarms.delete(oldest);
        this.#verdicts.delete(oldest);
      }
  }

  /**
   * Keeps a verdict on the last alarm, or on a named one of the last; a second one on the same alarm replaces the
   * first. It is heeded once it is written, for which no sound waits.
   *
   * @returns why it is not kept, where that is known
   */
  give(verdict: Verdict, episodeId?: string): Denial | undefined {
    const alarm = episodeId === undefined ? this.#alarm : this.#alarms.get(episodeId);
    if (alarm === undefined)
      return episodeId === undefined
        ? { code: 'no_alarm_yet', problem: 'there has been no alarm since the start' }
        : {
            code: 'not_judged_any_more',
            problem: `only the last ${MOST_ALARMS} alarms since the start can be judged`,
          };
    const before = this.#verdicts.get(alarm.episodeId);
    if (episodeId !== undefined && this.#guessed?.episodeId === episodeId) this.#guessed = undefined;
    const given = `${alarm.episodeId} ${verdict} ${alarm.embeddings.length}`;
    if (given === this.#given) return undefined; // a button pressed twice
    this.#given = given;
    this.#verdicts.set(alarm.episodeId, verdict);
    if (episodeId === undefined)
      this.#guessed = { episodeId: alarm.episodeId, verdict, before, atMs: this.clock.now() };
    this.#waiting.set(alarm.episodeId, { alarm, verdict, givenAt: new Date().toISOString() });
    this.#save.ask();
    return undefined;
  }

  /**
   * Somebody has come of whom a verdict may have been kept on its way: one that was given so shortly before and does not
   * say of which alarm it is may be of an earlier one than the last, and would hide what is like that.
   */
  takeBack(withinMs: number): void {
    const guessed = this.#guessed;
    if (!guessed || this.clock.now() - guessed.atMs > withinMs) return;
    const { episodeId, verdict, before } = guessed;
    this.#guessed = undefined;
    this.#given = '';
    this.#waiting.delete(episodeId);
    if (before) this.give(before, episodeId);
    else this.#remove(episodeId);
    const hint = 'If it was meant for this alarm, give it again.';
    this.log.warn(
      { verdict, episodeId, hint },
      'feedback was kept on its way, and nobody knows for which alarm',
    );
  }

  /** Resolves when every verdict is written, or cannot be. */
  async stop(): Promise<void> {
    this.#save.flush();
    await this.#writing;
  }

  async #write(): Promise<void> {
    for (const [episodeId, { alarm, verdict, givenAt }] of this.#waiting) {
      this.#waiting.delete(episodeId);
      const record: FeedbackRecord = {
        episodeId,
        verdict,
        label: alarm.label,
        ...(alarm.kind !== undefined && { kind: alarm.kind }),
        alarmAt: new Date(alarm.atMs).toISOString(),
        givenAt,
        model: this.model,
        embeddings: alarm.embeddings.map(toBase64),
      };
      try {
        await makeFolder(this.folder);
        await writeFileWhole(join(this.folder, `${episodeId}.json`), `${JSON.stringify(record)}\n`);
        const old = namesOfRecords(await readdir(this.folder)).slice(0, -MAX_RECORDS);
        for (const name of old) await rm(join(this.folder, name), { force: true });
        this.#heed(record);
        this.log.info({ verdict, episodeId }, 'feedback kept');
      } catch (error) {
        this.#given = ''; // so that it can be given again
        const { folder } = this;
        this.log.warn({ folder, verdict, episodeId, problem: messageOf(error) }, 'feedback cannot be kept');
      }
    }
  }

  #remove(episodeId: string): void {
    this.#verdicts.delete(episodeId);
    this.#writing = this.#writing
      .then(() => rm(join(this.folder, `${episodeId}.json`), { force: true }))
      .then(() => this.sink?.delete(episodeId))
      .catch((error) =>
        this.log.warn({ episodeId, problem: messageOf(error) }, 'feedback cannot be deleted'),
      );
  }

  /** That a scream was none says nothing of the next one. */
  #heed(record: FeedbackRecord): void {
    const { episodeId, verdict, kind, model } = record;
    const counts =
      model.backbone === this.model.backbone && !(verdict === 'false_alarm' && kind === 'scream');
    if (counts) this.sink?.set(episodeId, verdict, embeddingsOf(record));
  }

  #sayVeto({ vetoed }: ScoredWindow): void {
    const nowMs = this.clock.now();
    if (!vetoed || nowMs - this.#vetoSaidAtMs < VETO_SAID_MS) return;
    this.#vetoSaidAtMs = nowMs;
    const { episodeId, similarity } = vetoed.kinds ?? vetoed.hit ?? {};
    this.log.info({ episodeId, similarity }, 'no alarm: it is like what was called a false alarm');
  }

  /** A verdict that has been deleted (`feedback delete`) counts no more; looked for without making sound wait. */
  #lookForDeleted(): void {
    const sink = this.sink;
    const nowMs = this.clock.now();
    if (!sink?.episodeIds.length || nowMs - this.#lookedAtMs < LOOK_MS) return;
    this.#lookedAtMs = nowMs;
    const asked = sink.episodeIds;
    readdir(this.folder).then(
      (names) => {
        const kept = new Set(names);
        for (const id of asked) if (!kept.has(`${id}.json`)) sink.delete(id);
      },
      () => {}, // it will be looked at again
    );
  }
}
