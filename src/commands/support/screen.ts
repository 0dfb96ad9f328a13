import { Writable } from 'node:stream';
import { LogSink } from '../../system/log-sink.js';
import type { AlarmStarted, DecisionEvent, Onlooker, ScoredWindow } from '../../types.js';
import { painter, wantsColours } from './colour.js';

/** What a person watches: lines that stay, and on a terminal below them one that says what is heard right now. */
export interface Screen extends Required<Onlooker> {
  /** Whether there is such a line; elsewhere it is printed when another class is heard. */
  readonly live: boolean;
  /** One or more lines that stay. */
  print(text: string): void;
  /** Takes lines as `print` does; for a log. */
  readonly writable: Writable;
  /** Takes the live line away. */
  close(): void;
}

export interface ScreenOptions {
  /** What times are: seconds of a file that is played, or the time of day. */
  readonly time: 'stream' | 'day';
  /** After so long without a window the live line says that there is no sound. */
  readonly silentAfterMs?: number;
}

/** Whether lines can be drawn again on it. */
export function isTerminal({ isTTY }: NodeJS.WriteStream): boolean {
  return isTTY === true && process.env.TERM !== 'dumb';
}

export function createScreen(stream: NodeJS.WriteStream, { time, silentAfterMs }: ScreenOptions): Screen {
  const live = isTerminal(stream);
  // A terminal that is paused (Ctrl-S) or whose connection hangs must not hold what is heard.
  const out = live ? new LogSink(stream, (dropped) => `${dropped} lines were dropped\n`) : stream;
  const paint = painter(stream);
  let line = '';
  let label = '';
  let endSeconds = 0;
  let silence: NodeJS.Timeout | undefined;
  const show = (text: string) => {
    line = text.slice(0, widthOf(stream));
    out.write(`\r\x1b[K${line}`);
  };
  const print = (text: string) => out.write(live ? `\r\x1b[K${text}\n${line}` : `${text}\n`);
  const expectSound = () => {
    clearTimeout(silence);
    if (live && silentAfterMs) silence = setTimeout(show, silentAfterMs, '── no sound').unref();
  };
  expectSound();
  return {
    live,
    print,
    heard(window) {
      expectSound();
      endSeconds = window.endSeconds;
      const at = time === 'day' ? timeOfDay(Date.now()) : `${endSeconds.toFixed(1).padStart(5)} s`;
      const text = `── ${at}  ${meters(window)}`;
      if (live) show(text);
      else if (window.label !== label) print(text);
      label = window.label;
    },
    event(event) {
      if (event.type === 'sound_heard') return; // `sound` says it, and its end
      const at =
        time === 'stream' && 'atSeconds' in event ? `${event.atSeconds.toFixed(1)} s` : timeOfDay(event.atMs);
      const text = `${sentence(event)}  ${at}`;
      const urgent = event.type === 'alarm_started' || event.type === 'alarm_escalated';
      if (!live || !urgent) print(`── ${paint(text, 'bold')}`);
      else print(banner(text));
    },
    sound({ name, heard }) {
      const at = time === 'stream' ? `${endSeconds.toFixed(1)} s` : timeOfDay(Date.now());
      print(`── ${paint(`${name} is ${heard ? 'heard' : 'over'}  ${at}`, 'bold')}`);
    },
    writable: new Writable({
      decodeStrings: false,
      write(chunk, _, done) {
        print(String(chunk).replace(/\n$/, ''));
        done();
      },
    }),
    close() {
      clearTimeout(silence);
      if (live) show('');
    },
  };

  /** As wide as the terminal, and told from everything else without colours, too. */
  function banner(text: string): string {
    const width = widthOf(stream);
    return wantsColours(stream)
      ? paint(`    ${text} `.padEnd(width), 'bold', 'inverse', 'red')
      : `███ ${text} `.padEnd(width, '█');
  }
}

/** One column stays free: a line that fills the last one may wrap. */
function widthOf({ columns }: NodeJS.WriteStream): number {
  return (columns || 80) - 1;
}

function meters({ label, confidence, rmsDbfs }: ScoredWindow): string {
  const bar = (share: number) => '█'.repeat(Math.round(Math.min(1, Math.max(0, share)) * 10)).padEnd(10, '·');
  const level = rmsDbfs.toFixed(0).padStart(4);
  return `${label.padEnd(10)} ${bar(confidence)} ${percent(confidence).padStart(5)}   ${bar((rmsDbfs + 70) / 70)} ${level} dBFS`;
}

function sentence(event: Exclude<DecisionEvent, { type: 'sound_heard' }>): string {
  switch (event.type) {
    case 'alarm_started':
      return `ALARM  ${event.label}  ${percent(event.confidence)}${reasonOf(event)}`;
    case 'alarm_escalated':
      return `ALARM  ${event.label}  nobody has acknowledged it for ${Math.round(event.unacknowledgedSeconds)} s`;
    case 'alarm_acknowledged':
      return `alarm acknowledged${event.by === undefined ? '' : ` by ${event.by}`} after ${Math.round(event.afterSeconds)} s: ${event.label}`;
    case 'alarm_ended':
      return `alarm over${Number.isNaN(event.durationSeconds) ? '' : ` after ${event.durationSeconds.toFixed(1)} s`}: ${event.label}, at most ${percent(event.peakConfidence)}`;
    case 'water_running_long':
      return `water has been running for ${Math.round(event.durationSeconds / 60)} min`;
    case 'long_stay':
      return `somebody has been there for ${Math.round(event.durationSeconds / 60)} min, without a sound for ${Math.round(event.silentSeconds / 60)} min`;
    case 'test':
      return 'test alarm';
  }
}

function reasonOf({ reason }: AlarmStarted): string {
  if (reason === 'thump_then_silence') return '  a thump, and silence since';
  return reason === 'thump_then_voice' ? '  a thump, and then a voice' : '';
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function timeOfDay(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB');
}
