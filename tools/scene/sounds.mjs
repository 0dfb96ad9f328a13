/**
 * Sounds of a bathroom by synthesis alone: mono, 16 kHz, Float32Array. All randomness comes from the
 * generator that is passed in, so that one seed always gives the same scene.
 */
export const RATE_HZ = 16_000;
const TAU = 2 * Math.PI;

/** Mulberry32: small, seeded, good enough for noise. Gives numbers in 0…1. */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const silence = (seconds) => new Float32Array(Math.round(seconds * RATE_HZ));

/** Adds `sound` times `gain` to `target`, from `atSeconds` on; what lies outside is dropped. */
export function mix(target, sound, atSeconds = 0, gain = 1) {
  const start = Math.round(atSeconds * RATE_HZ);
  const end = Math.min(sound.length, target.length - start);
  for (let i = 0; i < end; i++) target[start + i] += gain * sound[i];
  return target;
}

/** Scales to a root mean square of `dbfs`. */
export function levelled(sound, dbfs) {
  const rms = Math.sqrt(sound.reduce((sum, sample) => sum + sample * sample, 0) / sound.length);
  return sound.map((sample) => (sample * 10 ** (dbfs / 20)) / rms);
}

/** Fades in and out, raised cosine. */
export function faded(sound, inSeconds, outSeconds = inSeconds) {
  const ramp = (i, seconds) => 0.5 - 0.5 * Math.cos(Math.PI * Math.min(1, i / (seconds * RATE_HZ)));
  return sound.map((sample, i) => sample * ramp(i, inSeconds) * ramp(sound.length - 1 - i, outSeconds));
}

function whiteNoise(random, seconds) {
  return silence(seconds).map(() => random() + random() + random() + random() - 2);
}

/** Biquad filters of the Audio EQ Cookbook (Robert Bristow-Johnson). */
function lowpass(sound, hz, q = Math.SQRT1_2) {
  const { cos, alpha } = biquad(hz, q);
  return filtered(sound, [(1 - cos) / 2, 1 - cos, (1 - cos) / 2], [1 + alpha, -2 * cos, 1 - alpha]);
}
function highpass(sound, hz, q = Math.SQRT1_2) {
  const { cos, alpha } = biquad(hz, q);
  return filtered(sound, [(1 + cos) / 2, -1 - cos, (1 + cos) / 2], [1 + alpha, -2 * cos, 1 - alpha]);
}
/** Peak gain 1. */
function bandpass(sound, hz, q) {
  const { cos, alpha } = biquad(hz, q);
  return filtered(sound, [alpha, 0, -alpha], [1 + alpha, -2 * cos, 1 - alpha]);
}
function biquad(hz, q) {
  const w = (TAU * hz) / RATE_HZ;
  return { cos: Math.cos(w), alpha: Math.sin(w) / (2 * q) };
}
function filtered(sound, [b0, b1, b2], [a0, a1, a2]) {
  let [x1, x2, y1, y2] = [0, 0, 0, 0];
  return sound.map((x) => {
    const y = (b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2) / a0;
    [x2, x1, y2, y1] = [x1, x, y1, y];
    return y;
  });
}

/** Ventilation and mains hum, far away. */
export function roomTone(random, seconds) {
  const air = lowpass(lowpass(whiteNoise(random, seconds), 250), 900);
  return air.map((sample, i) => sample + 0.02 * Math.sin((TAU * 100 * i) / RATE_HZ));
}

/**
 * A tap running into a basin: the hiss of the jet, and a crowd of air bubbles, each a decaying sine whose
 * pitch rises (van den Doel, Physically based models for liquid sounds, 2005).
 */
export function runningWater(random, seconds, p) {
  const bubbles = silence(seconds);
  for (let n = 0; n < seconds * p.bubblesPerSecond; n++) {
    const hz = p.lowHz * (p.highHz / p.lowHz) ** random();
    const decay = p.decayPerSecond * (hz / 1000) ** 1.2;
    const gain = random() ** p.rareness * (hz / 1000) ** p.tilt;
    let phase = TAU * random();
    const ring = silence(Math.min(0.25, 6 / decay)).map((_, i) => {
      const t = i / RATE_HZ;
      phase += (TAU * hz * (1 + p.rise * decay * t)) / RATE_HZ;
      return gain * Math.sin(phase) * Math.exp(-decay * t) * Math.min(1, i / 8);
    });
    mix(bubbles, ring, random() * seconds);
  }
  const jet = highpass(lowpass(whiteNoise(random, seconds), p.jetHighHz), p.jetLowHz);
  return mix(levelled(bubbles, 0), levelled(jet, 0), 0, p.jetGain);
}

/** A noise burst that dies away. */
function burst(random, decaySeconds) {
  return whiteNoise(random, 6 * decaySeconds).map((s, i) => s * Math.exp(-i / (decaySeconds * RATE_HZ)));
}

/** A struck body: its modes, the higher the shorter. */
function strike(random, modesHz, decaySeconds) {
  const phases = modesHz.map(() => TAU * random());
  return silence(6 * decaySeconds).map((_, i) => {
    const t = i / RATE_HZ;
    let sum = 0;
    for (const [k, hz] of modesHz.entries())
      sum += Math.sin(TAU * hz * t + phases[k]) * Math.exp((-t / decaySeconds) * (0.6 + 0.4 * k));
    return (sum / modesHz.length) * Math.min(1, i / 8);
  });
}

/** Something heavy and soft hits the floor. */
export function thud(random, p) {
  const body = strike(
    random,
    [1, 1.67, 2.56, 3.8].map((ratio) => ratio * p.bodyHz),
    p.bodySeconds,
  );
  const slap = lowpass(burst(random, p.slapSeconds), p.slapHz);
  return mix(mix(silence(1), body, 0, p.bodyGain), slap, 0, p.slapGain);
}

/** An electric motor, as of a fan: a hum that wavers, its harmonics, the air it moves. */
export function motor(random, seconds, p) {
  let phase = 0;
  let wander = 0;
  const hum = silence(seconds).map(() => {
    wander = 0.9995 * wander + 0.0005 * (random() - 0.5);
    phase += (p.humHz * (1 + p.wander * wander)) / RATE_HZ;
    let sum = 0;
    for (let h = 1; h * p.humHz < 7000; h++) sum += Math.sin(TAU * h * phase + h * h) * h ** -p.tilt;
    return sum;
  });
  const air = bandpass(whiteNoise(random, seconds), p.airHz, 0.7);
  return faded(mix(levelled(hum, -20), levelled(air, -20), 0, p.air), 0.15);
}

/** Bottles and glass break on tiles: a crash, then pieces that ring, scrape and come to rest. */
export function shatter(random, p) {
  const crash = silence(p.spreadSeconds + 1);
  mix(crash, highpass(burst(random, p.crashSeconds), p.crashHz));
  for (let n = 0; n < p.pieces; n++) {
    const hz = p.lowHz * p.span ** random();
    const modesHz = [1, 1.52 + 0.1 * random(), 2.31 + 0.2 * random(), 2.9 + 0.3 * random()].map(
      (r) => r * hz,
    );
    const at = p.spreadSeconds * random() ** p.crowding;
    const gain = (0.3 + 0.9 * random()) * Math.exp(-1.2 * at);
    const ring = strike(
      random,
      modesHz.filter((mode) => mode < 7600),
      p.ringSeconds * (0.4 + random()),
    );
    mix(crash, ring, at, p.ringGain * gain);
    mix(
      crash,
      highpass(burst(random, p.scrapeSeconds), 2000 + 3000 * random()),
      at,
      p.scrapeGain * gain * random(),
    );
  }
  return crash;
}

/**
 * A scream: rough harmonics of a strained voice, with subharmonics, through the formants of an open
 * vocal tract. Roughness – amplitude modulation at 30–150 Hz – is what tells a scream from singing
 * (Arnal et al., Human screams occupy a privileged niche in the communication soundscape, 2015).
 */
export function scream(random, seconds, p) {
  // Two periods, so that there is room for the subharmonics.
  const cycle = new Float32Array(4096).map((_, i, { length }) => {
    let sum = 0;
    for (let h = 0.5; h * p.pitchHz < 7600; h += 0.5)
      sum += (h % 1 === 0 ? 1 : p.subharmonics) * Math.sin((2 * TAU * h * i) / length) * h ** -p.tilt;
    return sum;
  });
  let phase = 0;
  let jitter = 0;
  const source = silence(seconds).map((_, i) => {
    const t = i / RATE_HZ;
    const x = t / seconds;
    const glide =
      x < 0.15 ? p.attack + ((1 - p.attack) * x) / 0.15 : 1 + (p.release - 1) * ((x - 0.15) / 0.85) ** 2;
    jitter = 0.995 * jitter + 0.005 * (random() - 0.5);
    const hz = p.pitchHz * glide * (1 + p.vibrato * Math.sin(TAU * p.vibratoHz * t) + p.jitter * jitter);
    phase += hz / RATE_HZ;
    const voice = cycle[Math.floor((phase / 2) * cycle.length) % cycle.length];
    const rough = 1 - p.roughness * (0.5 + 0.5 * Math.sin(TAU * p.roughnessHz * t));
    return voice * rough + p.breath * (random() - 0.5);
  });
  const mouth = mix(silence(seconds), source, 0, p.direct);
  for (const [k, ratio] of [1, p.formant2, p.formant3, p.formant4].entries())
    mix(mouth, bandpass(source, Math.min(7500, ratio * p.formantHz), p.q), 0, 1 - 0.2 * k);
  return faded(saturated(levelled(mouth, 0), p.drive), 0.05, 0.2);
}

/** What a strained voice, or a microphone that is too close, does to the loud parts. */
export function saturated(sound, drive) {
  return sound.map((sample) => Math.tanh(drive * sample));
}

/** A small tiled room: Schroeder's reverberator (four combs, two all-passes), dry sound included. */
export function inRoom(sound, { decaySeconds = 0.45, wet = 0.1 } = {}) {
  const input = mix(silence(sound.length / RATE_HZ + decaySeconds), sound);
  let tail = silence(input.length / RATE_HZ);
  for (const delay of [467, 521, 593, 641]) {
    const gain = 10 ** ((-3 * delay) / RATE_HZ / decaySeconds);
    const line = new Float32Array(delay);
    let damped = 0;
    for (let i = 0; i < input.length; i++) {
      const out = line[i % delay];
      damped = 0.7 * out + 0.3 * damped;
      line[i % delay] = input[i] + gain * damped;
      tail[i] += out / 4;
    }
  }
  for (const delay of [113, 37]) {
    const line = new Float32Array(delay);
    tail = tail.map((x, i) => {
      const out = line[i % delay] - 0.6 * x;
      line[i % delay] = x + 0.6 * out;
      return out;
    });
  }
  return mix(input, tail, 0, wet / (1 - wet));
}
