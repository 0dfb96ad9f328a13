import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { renderPng } from '../../src/plot/png.js';
import { renderSvg } from '../../src/plot/svg.js';
import { aRecording } from '../support/recording.js';

/** A pixel of a PNG, by the units of the picture. */
async function pixels(svg: string) {
  const { data, width, height, channels } = decode(await renderPng(svg));
  const colour = (x: number, y: number) => {
    const at = channels * (Math.round(2 * y) * width + Math.round(2 * x));
    return [...data.slice(at, at + 3)];
  };
  return { width, height, colour };
}

/** Where the shapes of panels lie, from the picture itself. */
function panels(svg: string) {
  return [...svg.matchAll(/<rect class="frame" x="(\d+)" y="([\d.]+)" width="(\d+)" height="(\d+)"\/>/g)].map(
    (found) => {
      const [x, y, width, height] = found.slice(1).map(Number) as [number, number, number, number];
      return { x, y, width, height };
    },
  );
}

describe('a picture of a recording', () => {
  it('is drawn to scale: silence, then sound in the colour of the alarm, and an alarm', async () => {
    const svg = renderSvg(aRecording());
    const [waveform, spectrogram, scores, evidence] = panels(svg) as [Box, Box, Box, Box];
    const { width, height, colour } = await pixels(svg);
    expect([width, height]).toEqual([2400, 2 * Number(/height="(\d+)" role/.exec(svg)?.[1])]);
    const of = ({ x, y, width: w, height: h }: Box, across: number, down: number) =>
      colour(x + across * w, y + down * h);
    const RED = [163, 21, 21];
    const WHITE = [255, 255, 255];
    expect(of(waveform, 0.25, 0.1)).toEqual(WHITE);
    expect(of(waveform, 0.75, 0.1)).toEqual(RED);
    // The low bands are dark and at the bottom.
    const sum = (rgb: number[]) => rgb.reduce((a, b) => a + b);
    expect(sum(of(spectrogram, 0.5, 0.05))).toBeGreaterThan(600);
    expect(sum(of(spectrogram, 0.5, 0.95))).toBeLessThan(60);
    // Score and evidence rise to the right; behind them the alarm.
    expect(of(scores, 0.9, 0.3)).toEqual(WHITE);
    const [r = 0, g = 0, b = 0] = of(evidence, 0.6, 0.05);
    expect(r).toBeGreaterThan(g + 10);
    expect(g).toBe(b);
  });

  it('says in words what it shows, whatever the names are', async () => {
    const name = `<b>&"'.wav`;
    const svg = renderSvg(aRecording({ name, verdict: '<i>' }));
    expect(svg).toContain('<title id="title">&lt;b&gt;&amp;&quot;&#39;.wav</title>');
    expect(svg).toMatch(/<desc id="desc">10 s of sound, .*with an alarm\. .*Alarms: impact 5 s to 8 s\./);
    expect(svg).toContain('aria-labelledby="title desc"');
    expect(svg).not.toContain('<b>');
    await expect(renderPng(svg)).resolves.toBeInstanceOf(Uint8Array); // it is XML
  });

  it('has the thresholds, and no more text than it can show', () => {
    const svg = renderSvg(aRecording({ alarms: [], classesLeftOut: 513 }));
    for (const words of ['hit from 0.6', 'at once from 0.95', 'line of the alarm', '513 others', 'no alarm'])
      expect(svg).toContain(`>${words}</text>`);
    const without = renderSvg(aRecording({ evidence: [] }));
    expect(without).not.toContain('line of the alarm');
  });

  it('has a row for each sound beside the alarm that was on, where any was', async () => {
    const span = { id: 'smoke_alarm', name: 'Smoke <alarm>', peakScore: 1 };
    const sounds = [
      { ...span, startSeconds: 0, endSeconds: 2.5 },
      { ...span, id: 'dog', name: 'Dog', startSeconds: 2, endSeconds: 4 },
      { ...span, startSeconds: 7.5, endSeconds: 10 },
    ];
    const svg = renderSvg(aRecording({ sounds }));
    const [rows] = panels(svg) as [Box];
    const { colour } = await pixels(svg);
    const at = (seconds: number, row: number) =>
      colour(rows.x + (seconds / 10) * rows.width, rows.y + ((row + 0.5) / 2) * rows.height);
    const WHITE = [255, 255, 255];
    expect(at(1, 0)).toEqual(at(9, 0));
    expect(at(3, 1)).not.toEqual(at(1, 0));
    for (const place of [at(1, 0), at(3, 1)]) expect(place).not.toEqual(WHITE);
    for (const place of [at(5, 0), at(1, 1), at(9, 1)]) expect(place).toEqual(WHITE);
    expect(svg).toContain('>Smoke &lt;alarm&gt;</text>');
    expect(svg).toContain('<title>Dog (1.00), 2 s to 4 s</title>');
    expect(svg).toMatch(
      /Sounds: Smoke &lt;alarm&gt; 0 s to 2.5 s, Dog 2 s to 4 s, Smoke &lt;alarm&gt; 7.5 s/,
    );
    expect(renderSvg(aRecording())).not.toContain('Sounds');
  });

  it.each([0.01, 1, 3600, 7 * 86_400])('of %d s stays small and whole', async (seconds) => {
    const svg = renderSvg(aRecording({ seconds }));
    expect(svg.length).toBeLessThan(300_000);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    await expect(renderPng(svg)).resolves.toBeInstanceOf(Uint8Array);
  });

  it('can be drawn of nothing', async () => {
    const svg = renderSvg(aRecording({ sketches: [], alarms: [], evidence: [] }));
    expect(svg).toContain('none: it is silent');
    await expect(renderPng(svg)).resolves.toBeInstanceOf(Uint8Array);
  });

  it('shows an alarm class that is heard for less time than a column', () => {
    const seconds = 86_400;
    const windows = seconds * 2;
    const taken = new Int8Array(windows);
    taken[windows / 3] = 1;
    const svg = renderSvg(aRecording({ seconds, taken }));
    expect(svg.match(/<path class="f3" d="M[^"]*"/g)).toHaveLength(1);
  });
});

type Box = ReturnType<typeof panels>[number];
