import { describe, expect, it } from 'vitest';
import { type AlarmRule, DEFAULT_ALARM_RULE } from '../../src/alarm/decision.js';
import { soundAddress } from '../../src/plot/sound-address.js';
import type { ScoredClip } from '../../src/training/clip-figures.js';
import { evaluate } from '../../src/training/evaluation.js';
import { gradeOf, gradeOfRate, LIMITS } from '../../src/training/report/grade.js';
import { renderReport } from '../../src/training/report/report.js';
import { STYLE } from '../../src/training/report/style.js';
import type { Recording } from '../../src/training/track.js';
import { trackOf } from '../support/track.js';

const AT = new Date('2026-11-22T10:00:00Z');

function clip(path: string, label: string, abnormal: number): ScoredClip {
  const scores = { background: 1 - abnormal, water: 0, abnormal };
  return { path, label, scores, track: trackOf(path, [abnormal, abnormal, abnormal]) };
}

const CLIPS = [
  clip('data/abnormal/1.wav', 'abnormal', 0.9),
  clip('data/abnormal/2.wav', 'abnormal', 0.2),
  clip('data/background/1.wav', 'background', 0.1),
  clip('data/water/1.wav', 'water', 0.7),
];
const ORDINARY: Recording[] = [
  { track: trackOf('data/long.wav', new Array<number>(50).fill(0.1)), events: [] },
];
const LABELLED: Recording[] = [
  {
    track: trackOf('data/evening.wav', [
      ...new Array<number>(90).fill(0.1),
      0.9,
      0.9,
      ...new Array<number>(20).fill(0),
    ]),
    events: [{ startSeconds: 1, endSeconds: 3, label: 'abnormal' }],
  },
];

function page(
  clips: readonly ScoredClip[],
  recordings: readonly Recording[],
  {
    rule = DEFAULT_ALARM_RULE,
    soundOf,
  }: { rule?: AlarmRule; soundOf?: (path: string) => string | undefined } = {},
): string {
  const model = {
    name: 'bathnet-mini',
    version: '1.0.0',
    sha256: 'ab',
    engine: 'tfjs-wasm',
    precision: 'float32',
    npu: false,
    labels: ['background', 'water', 'abnormal'],
    alarmLabels: ['abnormal'],
    alarmKinds: [],
  };
  const evaluation = evaluate({ model, head: 'bathnet', rule, collarSeconds: 2, clips, recordings });
  return renderReport(evaluation, AT, soundOf);
}

/** The tiles of each row, and into how many columns it falls on a wide and on a narrower page. */
function tileRows(html: string) {
  return [
    ...html.matchAll(/<div class="tiles" style="--wide:(\d+);--half:(\d+)">(.*?)<\/div><\/?(?:h2|details)/g),
  ].map(([, wide, half, tiles = '']) => ({
    wide: Number(wide),
    half: Number(half),
    names: [...tiles.matchAll(/<span>([^<]*)<\/span><b>/g)].map(([, name]) => name),
    tiles,
  }));
}

describe('the tiles', () => {
  it('are seven for clips alone, in two rows that are full on a wide page', () => {
    const rows = tileRows(page(CLIPS, []));
    expect(rows.map(({ names }) => names)).toEqual([
      ['false alarms per hour of clips', 'missed alarms', 'other clips that alarm'],
      ['accuracy', 'balanced accuracy', 'ROC AUC', 'calibration error'],
    ]);
  });

  it.each([
    ['clips', CLIPS, []],
    ['recordings', [], LABELLED],
    ['ordinary sound', [], ORDINARY],
    ['both', CLIPS, LABELLED],
    ['clips that are no alarm', CLIPS.slice(2), []],
  ])('stand in one line a row for %s, or in two that differ by one tile', (_, clips, recordings) => {
    const rows = tileRows(page(clips, recordings));
    expect(rows.length).toBeGreaterThan(0);
    for (const { wide, half, names } of rows) {
      expect(wide).toBe(names.length);
      expect([wide, Math.ceil(wide / 2)]).toContain(half);
    }
    // What is left of a line, its tiles share.
    expect(STYLE).toMatch(/\.tiles > div \{ flex: 1 1 calc/);
  });
});

describe('false alarms per hour', () => {
  it('are counted over the clips that are no alarm where there is nothing else, and said to be', () => {
    const html = page(CLIPS, []);
    // One false alarm in two clips of 1.44 s; 95 % of one event: 0.0253 to 5.572.
    expect(html).toContain('<span>false alarms per hour of clips</span><b>1250</b>');
    expect(html).toContain('1 in the 3 s of clips that are no alarm; 95 % interval 31.6–6960');
    expect(html).toContain('<th scope="col">per hour of clips</th>');
    expect(html).toContain('<figcaption>False alarms per hour of clips</figcaption>');
    expect(html).toContain('this is not the rate of a home');
  });

  it('are those of the recordings where there are some', () => {
    const html = page(CLIPS, ORDINARY);
    expect(html).toContain('<span>false alarms per hour</span>');
    expect(html).not.toContain('per hour of clips');
  });

  it('are not spoken of where all clips are alarms, or no class is', () => {
    const silent = { ...DEFAULT_ALARM_RULE, labels: [] };
    for (const html of [page(CLIPS.slice(0, 2), []), page(CLIPS, [], { rule: silent })])
      expect(html.replace(/<details>.*?<\/details>/, '')).not.toContain('per hour');
  });
});

describe('good and bad', () => {
  it('is said in a word and a sign, not in colour alone', () => {
    const tiles = tileRows(page(CLIPS, LABELLED)).flatMap((row) => row.tiles.split('<div').slice(1));
    const graded = tiles.filter((tile) => tile.includes('class="'));
    expect(graded.length).toBeGreaterThan(7);
    for (const tile of graded) {
      const [, grade = ''] = /class="(\w+)"/.exec(tile) ?? [];
      const word = grade === 'open' ? 'too little sound' : grade;
      expect(tile).toMatch(
        new RegExp(`class="badge ${grade}"><span aria-hidden="true">[✓~✕?]</span> ${word}<`),
      );
    }
  });

  it('is said of figures in the table of classes, too', () => {
    expect(page(CLIPS, [])).toMatch(/<span class="unseen">poor: <\/span><\/em> 0\.500/);
  });

  it('shows in the matrix by pattern: what is wrong is hatched', () => {
    const html = page(CLIPS, []);
    expect(html).toMatch(
      /<td class="right[^"]*" style="--share:50%" title="abnormal taken for abnormal: 1 of 2/,
    );
    expect(html).toMatch(
      /<td class="wrong[^"]*" style="--share:50%" title="abnormal taken for background: 1 of 2/,
    );
    expect(STYLE).toMatch(/td\.wrong:not\(\.none\)[^}]*repeating-linear-gradient/);
  });

  it('has its limits stated on the page', () => {
    expect(page(CLIPS, [])).toContain('<li>missed alarms: good up to 0.1, fair up to 0.25</li>');
  });

  it('knows figures of which more is better from those of which less is', () => {
    expect([0.95, 0.8, 0.2].map((value) => gradeOf(value, LIMITS.share))).toEqual(['good', 'fair', 'poor']);
    expect([0, 0.2, 0.9].map((value) => gradeOf(value, LIMITS.missed))).toEqual(['good', 'fair', 'poor']);
    expect(gradeOf(undefined, LIMITS.share)).toBeUndefined();
  });

  it('takes no false alarm in little sound for nothing good yet', () => {
    expect(gradeOfRate(0, 30)).toBe('open');
    expect(gradeOfRate(0, 0.05)).toBe('good');
    expect(gradeOfRate(50, 111)).toBe('poor');
    expect(page([], ORDINARY)).toContain('too little sound');
  });
});

describe('tables and matrix', () => {
  it('scroll by themselves, can be reached by keyboard and have names', () => {
    const html = page(
      CLIPS.map((each) => ({ ...each, kind: 'k' })),
      LABELLED,
    );
    const tables = html.match(/<table/g) ?? [];
    const regions = [
      ...html.matchAll(/<div class="scroll" role="region" tabindex="0" aria-label="([^"]+)"><table/g),
    ];
    expect(regions.map(([, name]) => name)).toEqual([
      'Confusion matrix',
      'Figures by class',
      'Kinds of sound',
      'Alarms at each threshold',
      'Surest false alarms',
      'Missed events',
      'Surest mistakes among the clips',
    ]);
    expect(tables).toHaveLength(regions.length);
  });

  it('show that they scroll: a shadow where more is, a bar, and a first column that stays', () => {
    expect(STYLE).toContain('background-attachment: local, local, scroll, scroll');
    expect(STYLE).toMatch(/::-webkit-scrollbar \{ height: 10px/);
    expect(STYLE).toMatch(/:first-child \{ position: sticky; left: 0; background/);
  });
});

describe('mistakes', () => {
  const soundOf = (path: string) => soundAddress('/home/me/report.html', `/home/me/${path}`);

  it('can be played where the page knows the way to the sound, and load nothing before', () => {
    const html = page(CLIPS, LABELLED, { soundOf });
    const players = [...html.matchAll(/<audio([^>]*)>/g)].map(([, attributes = '']) => attributes);
    expect(players.map((each) => /src="([^"]*)"/.exec(each)?.[1])).toEqual([
      'data/evening.wav#t=41.7,54.7',
      'data/evening.wav#t=0.0,11.0',
      'data/abnormal/2.wav',
      'data/water/1.wav',
    ]);
    for (const each of players)
      expect(each).toMatch(/^ controls preload="none" src="[^"]*" aria-label="data\/[^"]*"$/);
    expect(html.replaceAll(/<audio[^>]*>/g, '')).not.toMatch(
      /<script|<link|<img|\bsrc=|href=|url\(|@import|https?:/i,
    );
  });

  it('have no player without one', () => {
    const html = page(CLIPS, LABELLED, { soundOf: () => undefined });
    expect(html).not.toMatch(/<audio|<th scope="col">listen/);
    expect(html).toContain('<td>water/1.wav</td>');
  });

  it('say in each cell what it is, for a page without room for columns', () => {
    expect(page(CLIPS, [])).toContain('<td data-column="taken for">abnormal</td>');
  });
});

describe('the address of a sound', () => {
  it.each([
    ['/home/me/report.html', '/home/me/clips/water/1.wav', 'clips/water/1.wav'],
    ['/home/me/out/report.html', '/home/me/clips/1.wav', '../clips/1.wav'],
    ['report.html', 'clips/1.wav', 'clips/1.wav'],
    ['/r.html', '/no fall #1?/100 %/"a".wav', 'no%20fall%20%231%3F/100%20%25/%22a%22.wav'],
    ['/r.html', '/java:script.wav', 'java%3Ascript.wav'],
  ])('leads from %s to %s', (report, path, address) => {
    expect(soundAddress(report, path)).toBe(address);
  });
});
