import { describe, expect, it } from 'vitest';
import { type CheckedClip, checkClips } from '../../src/training/check.js';
import { createFingerprinter, sameness } from '../../src/training/fingerprint.js';
import { createRandom } from '../../src/training/random.js';
import { chirp, tone } from '../support/sound.js';

const fingerprintOf = createFingerprinter();

/** A second of noise that comes and goes, different for each seed. */
function sound(seed: number, seconds = 1): Float32Array {
  const random = createRandom(seed);
  const beats = Array.from({ length: 20 * seconds }, () => random() ** 2);
  return Float32Array.from(
    { length: 16_000 * seconds },
    (_, i) => 0.6 * (2 * random() - 1) * beats[Math.floor(i / 800)]!,
  );
}

function clip(path: string, samples: Float32Array, group = path): CheckedClip {
  return { path, label: path.split('/')[0] as string, group, fingerprint: fingerprintOf(samples) };
}

/** Enough of two classes that nothing else is found. */
const PLENTY: readonly CheckedClip[] = Array.from({ length: 40 }, (_, i) =>
  clip(`${i % 2 ? 'tap' : 'door'}/${i}.wav`, sound(1000 + i), `recording ${i % 10}`),
);
const plenty = () => structuredClone(PLENTY) as CheckedClip[];

const kinds = async (clips: CheckedClip[]) => (await checkClips(clips)).map(({ kind }) => kind);

describe('sameness', () => {
  const original = sound(1);
  const variants: [string, Float32Array][] = [
    ['quieter', original.map((x) => Math.round(x * 0.1 * 32_768) / 32_768)],
    ['turned over', original.map((x) => -x)],
    ['cut by 77 samples', original.slice(77)],
    ['cut by a tenth of a second at both ends', original.slice(1600, -1600)],
    ['with quiet before it', Float32Array.from([...new Float32Array(1000), ...original])],
    ['with a little noise', original.map((x, i) => x + 0.003 * Math.sin(i * i))],
  ];
  it.each(variants)('recognises a sound that is %s', (_, variant) => {
    expect(sameness(fingerprintOf(original), fingerprintOf(variant))).toBeGreaterThan(0.9);
    expect(sameness(fingerprintOf(variant), fingerprintOf(original))).toBeGreaterThan(0.9);
  });

  it('tells apart what is only of one kind', () => {
    const noises = Array.from({ length: 12 }, (_, i) => fingerprintOf(sound(i + 10)));
    for (const [i, a] of noises.entries())
      for (const b of noises.slice(0, i)) expect(sameness(a, b)).toBeLessThan(0.5);
    expect(sameness(fingerprintOf(tone(440, 1)), fingerprintOf(chirp(200, 4000, 1)))).toBeLessThan(0.5);
  });

  it('copes with clips of any length', () => {
    for (const samples of [new Float32Array(0), new Float32Array(10).fill(0.5), sound(3, 8)]) {
      const fingerprint = fingerprintOf(samples);
      const value = sameness(fingerprint, fingerprintOf(sound(4)));
      expect(value >= 0 && value < 0.8).toBe(true);
    }
  });
});

describe('checking a dataset', () => {
  it('finds nothing in clean data', async () => {
    expect(await checkClips(plenty())).toEqual([]);
  });

  it('finds exact copies and near copies, and names each group once', async () => {
    const copy = sound(5);
    const findings = await checkClips([
      ...plenty(),
      clip('tap/a.wav', copy),
      clip('tap/b.wav', copy.slice()),
      clip('tap/c.wav', copy.map((x) => x / 2).slice(300)),
    ]);
    expect(findings.map(({ kind, severity }) => [kind, severity])).toEqual([
      ['duplicate', 'fault'],
      ['near-duplicate', 'warning'],
    ]);
    expect(findings.map(({ files }) => files)).toEqual([
      [['tap/a.wav', 'tap/b.wav']],
      [['tap/a.wav', 'tap/c.wav']],
    ]);
  });

  it('finds one sound in two classes, as a copy or nearly so', async () => {
    const findings = await checkClips([
      ...plenty(),
      clip('tap/a.wav', sound(6)),
      clip('door/a.wav', sound(6)),
      clip('tap/b.wav', sound(7)),
      clip(
        'door/b.wav',
        sound(7)
          .map((x) => x * 0.3)
          .slice(200),
      ),
    ]);
    expect(findings.map(({ kind }) => kind)).toEqual(['in-two-classes']);
    expect(findings[0]?.files).toHaveLength(2);
  });

  it('leaves near copies within one recording alone', async () => {
    const again = sound(8).slice(500);
    expect(
      await kinds([...plenty(), clip('tap/a.wav', sound(8), 'one'), clip('tap/b.wav', again, 'one')]),
    ).toEqual([]);
  });

  it.each<[string, CheckedClip]>([
    ['silent', clip('tap/x.wav', new Float32Array(16_000).fill(1e-4))],
    [
      'clipped',
      clip(
        'tap/x.wav',
        sound(9).map((x) => Math.max(-1, Math.min(1, x * 20))),
      ),
    ],
    ['too-short', clip('tap/x.wav', sound(10).slice(0, 2000))],
    [
      'unreadable',
      { path: 'tap/x.wav', label: 'tap', group: 'x', fingerprint: undefined, error: 'no audio' },
    ],
  ])('finds what is %s', async (kind, bad) => {
    const findings = await checkClips([...plenty(), bad]);
    expect(findings.map((finding) => [finding.kind, finding.files])).toEqual([[kind, [['tap/x.wav']]]]);
    expect(findings[0]?.advice).not.toBe('');
  });

  it('warns where the clips of one class are much shorter than those of another, as far as a window goes', async () => {
    const cut = (seconds: number) =>
      Array.from({ length: 40 }, (_, i) =>
        clip(
          `${i % 2 ? 'tap' : 'door'}/${i}.wav`,
          sound(1000 + i).subarray(0, 16_000 * (i % 2 ? seconds : 1)),
          `recording ${i % 10}`,
        ),
      );
    expect(await kinds(cut(0.9))).toEqual([]);
    const found = await checkClips(cut(0.4));
    expect(found.map(({ kind, severity }) => `${severity} ${kind}`)).toEqual(['warning unequal-lengths']);
    expect(found[0]?.text).toBe('clips of tap are 0.40 s long (median), those of door 1.00 s');
  });

  it('says where a class is small, comes from one recording, or is outnumbered', async () => {
    const few = [clip('bell/a.wav', sound(11), 'bell'), clip('bell/b.wav', sound(12), 'bell')];
    expect(await kinds([...plenty(), ...few])).toEqual(['too-few', 'imbalance']);
  });
});
