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
