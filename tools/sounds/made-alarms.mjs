// Alarms as the standards have them, what else beeps in a home, and a room around either: mono, 16 kHz, by synthesis.
import { Fft } from '../../dist/features/fft.js';

export const RATE_HZ = 16_000;
/** Convolution in blocks. */
const BLOCK = 65_536;

const between = (random, low, high) => low + (high - low) * random();
const oneOf = (random, values) => values[Math.floor(random() * values.length)];
/** ±10 %, as every part of a cadence may differ. */
const about = (random, seconds) => seconds * between(random, 0.9, 1.1);

/** Tones by the frequencies of their parts and how loud these are. */
const TONES = {
  '3 kHz': (random) => {
    const hz = between(random, 2800, 3600);
    // A piezo disc: a sine where it resonates, with as much of a square wave as its case lets through.
    return [1, 2, 3].map((k) => [hz * k, k === 1 ? 1 : between(random, 0, 0.4) / k]);
  },
  '520 Hz': (random) => {
    const hz = between(random, 468, 572);
    return [1, 3, 5, 7, 9, 11, 13].map((k) => [hz * k, 1 / k]);
  },
  beep: (random) => {
    const hz = Math.exp(between(random, Math.log(420), Math.log(4200)));
    return [1, 2, 3].map((k) => [hz * k, k === 1 ? 1 : between(random, 0, 0.5) / k]);
  },
};

/** Groups of pulses with a pause between them, up to a time: [from, to], seconds. */
function groups(seconds, { pulses, on, off, pause, drift = 0 }) {
  const all = [];
  for (let at = 0; at < seconds; at += pause)
    for (let i = 0; i < pulses; i++) {
      const tempo = 1 + (drift * at) / seconds;
      if (at < seconds) all.push([at, at + on * tempo]);
      at += (on + (i < pulses - 1 ? off : 0)) * tempo;
    }
  return all;
}

const T3 = { pulses: 3, on: 0.5, off: 0.5, pause: 1.5 };
const T4 = { pulses: 4, on: 0.1, off: 0.1, pause: 5 };
const lax = (random, { pulses, on, off, pause }) => ({
  ...{ pulses, on: about(random, on), off: about(random, off), pause: about(random, pause) },
  drift: between(random, -0.01, 0.01),
});

/** Kinds of alarms: rhythm and tone. */
export const ALARMS = [
  { rhythm: 'T3', tone: '3 kHz', cadence: T3 },
  { rhythm: 'T3', tone: '520 Hz', cadence: T3 },
  { rhythm: 'T4', tone: '3 kHz', cadence: T4 },
  { rhythm: 'T4', tone: '520 Hz', cadence: T4 },
];

export const madeAlarm = (random, { tone, cadence }, seconds) =>
  sounding(random, TONES[tone](random), groups(seconds, lax(random, cadence)), seconds);

const even = (low, high) => (random) => {
  const on = between(random, low, high);
  return { pulses: 1, on, off: 0, pause: on * between(random, 0.9, 1.1) };
};
const some = (pulses, on, off, pause) => (random) => ({
  ...{ pulses: oneOf(random, pulses), on: about(random, on), off: about(random, off) },
  pause: about(random, oneOf(random, pause)),
});

/** What beeps in a home and is neither rhythm. */
export const OTHERS = {
  'even beeps': even(0.1, 0.6),
  'reversing truck': even(0.4, 0.6),
  'busy tone': even(0.23, 0.52),
  'alarm clock': some([2, 3, 4], 0.07, 0.06, [0.5, 0.6, 1]),
  'slow alarm clock': some([1], 0.5, 0, [1, 1.5, 2]),
  'six and more': some([5, 6, 7, 8, 10], 0.1, 0.1, [1, 3, 5]),
  'four at another time': some([4], 0.1, 0.1, [0.5, 1, 2, 3, 8, 10]),
  'three, five at T4’s time': some([3, 5], 0.1, 0.1, [5]),
  'four, five at T3’s time': some([4, 5, 6], 0.5, 0.5, [1.5]),
  'two at T3’s time': some([2], 0.5, 0.5, [1.5, 2.5]),
  'three at another time': some([3], 0.5, 0.5, [0.6, 3, 5, 8]),
  'three short': some([3], 0.2, 0.2, [1.5, 2.9]),
  'end of a microwave': some([3, 4, 5], 0.6, 0.5, [20, 30]),
  'end of a washing machine': some([3, 4, 5, 6], 0.3, 0.3, [6, 10, 15]),
  'telephone, two rings': some([2], 0.4, 0.2, [2]),
  'telephone, one ring': some([1], 1, 0, [3, 4]),
  'low battery': some([1], 0.05, 0, [10, 30]),
};

export function madeOther(random, name, seconds) {
  const pulses = groups(seconds, OTHERS[name](random));
  // Some ring in two tones at a time, or play one note after the other.
  if (name.startsWith('telephone')) {
    const trill = pulses.flatMap(([from, to]) =>
      Array.from({ length: Math.floor((to - from) * 20) }, (_, i) => [from + i / 20, from + (i + 1) / 20]),
    );
    const [low, high] = [TONES.beep(random), TONES.beep(random)];
    const even = trill.filter((_, i) => i % 2 === 0);
    const odd = trill.filter((_, i) => i % 2 === 1);
    return sum(sounding(random, low, even, seconds), sounding(random, high, odd, seconds));
  }
  return sounding(random, TONES.beep(random), pulses, seconds);
}

/** Tones while it sounds, with the few milliseconds in which a sounder comes and goes. */
function sounding(random, parts, pulses, seconds) {
  const out = new Float32Array(Math.round(seconds * RATE_HZ));
  const fade = between(random, 0.002, 0.012);
  const audible = parts.filter(([hz]) => hz < 7800);
  for (const [from, to] of pulses)
    for (let i = Math.round(from * RATE_HZ); i < Math.min(out.length, Math.round(to * RATE_HZ)); i++) {
      const t = i / RATE_HZ;
      const gain = Math.min(1, (t - from) / fade, (to - t) / fade);
      for (const [hz, level] of audible) out[i] += gain * level * Math.sin(2 * Math.PI * hz * t);
    }
  return out;
}

/** Impulse response of a room: the way itself, some walls, and a tail that dies away, the high tones first. */
export function madeRoom(random) {
  const decaySeconds = Math.exp(between(random, Math.log(0.2), Math.log(1)));
  const directDb = between(random, -10, 6);
  const tail = new Float32Array(Math.round(decaySeconds * RATE_HZ));
  let dark = 0;
  for (let i = 0; i < tail.length; i++) {
    const t = i / RATE_HZ;
    const white = random() + random() + random() - 1.5;
    const darkness = Math.min(0.8, t);
    dark = darkness * dark + (1 - darkness) * white;
    tail[i] = dark * 10 ** ((-3 * t) / decaySeconds);
  }
  for (let wall = 0; wall < 8; wall++)
    tail[Math.floor(between(random, 0.002, 0.03) * RATE_HZ)] += between(random, -6, 6);
  const power = tail.reduce((all, x) => all + x * x, 0);
  tail[0] = Math.sqrt(power * 10 ** (directDb / 10));
  return tail;
}

/** A sound in a room: linear convolution, as long as the sound. */
export function inRoom(sound, response) {
  const fft = new Fft(BLOCK);
  const { re, im, order } = fft;
  const load = (values, from, count) => {
    for (let place = 0; place < BLOCK; place++) {
      const i = order[place];
      re[place] = i < count ? (values[from + i] ?? 0) : 0;
      im[place] = 0;
    }
    fft.transform();
  };
  load(response, 0, response.length);
  const [roomRe, roomIm] = [re.slice(), im.slice()];
  const [product, across] = [new Float64Array(BLOCK), new Float64Array(BLOCK)];
  const step = BLOCK - response.length;
  const out = new Float32Array(sound.length);
  for (let from = 0; from < sound.length; from += step) {
    load(sound, from, step);
    // Back again by the same transform: of the conjugate, and conjugated.
    for (let k = 0; k < BLOCK; k++) {
      product[k] = re[k] * roomRe[k] - im[k] * roomIm[k];
      across[k] = -(re[k] * roomIm[k] + im[k] * roomRe[k]);
    }
    for (let place = 0; place < BLOCK; place++) {
      re[place] = product[order[place]];
      im[place] = across[order[place]];
    }
    fft.transform();
    for (let i = 0; i < BLOCK && from + i < out.length; i++) out[from + i] += re[i] / BLOCK;
  }
  return out;
}

/** As loud while it sounds, decibels of its root mean square against full scale (RMS of a sine of peak 1: −3). */
export function atLevel(sound, dbfs) {
  const loudest = sound.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  let [squares, count] = [0, 0];
  for (let i = 0; i + 160 <= sound.length; i += 160) {
    const piece = sound.subarray(i, i + 160).reduce((all, x) => all + x * x, 0);
    if (piece / 160 < (loudest * loudest) / 100) continue;
    squares += piece;
    count += 160;
  }
  const gain = 10 ** (dbfs / 20) / Math.sqrt(squares / Math.max(1, count));
  return sound.map((x) => x * gain);
}

export function sum(...sounds) {
  const out = Float32Array.from(sounds[0]);
  for (const sound of sounds.slice(1)) for (let i = 0; i < out.length; i++) out[i] += sound[i] ?? 0;
  return out;
}
