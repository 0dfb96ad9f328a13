import { describe, expect, it } from 'vitest';
import { unitAxis } from '../../src/plot/axes.js';
import { renderPlot } from '../../src/training/report/plot.js';
import { STYLE } from '../../src/training/report/style.js';

describe('a plot of the report', () => {
  const svg = renderPlot({
    description: 'x < y',
    x: unitAxis('across'),
    y: unitAxis('up'),
    series: [{ style: 'main', points: [[0, 0]], label: 'measured <b>' }],
    marks: [{ x: 0.5, y: 0.25, title: 'here', label: 'now' }],
    rulers: [{ x: 1, label: 'at 1' }],
  });

  it('is as wide as its figure: the lines stretch, words and dots do not', () => {
    expect(svg).toContain('preserveAspectRatio="none"');
    expect(svg).not.toContain('<text');
    expect(svg).toMatch(/<i class="mark" style="left:50%;top:75%;/);
    expect(STYLE).toContain('vector-effect: non-scaling-stroke');
    expect(STYLE).toMatch(/\.fill > \* \{ flex: 1 1/);
    expect(STYLE).not.toMatch(/svg[^{]*\{[^}]*max-width/);
  });

  it('has no word where a line can be: around the area, or in the legend', () => {
    const [legend = '', plot = ''] = svg.split('<div class="plot"');
    expect(legend).toContain('measured &lt;b&gt;</li>');
    expect(legend).toContain('now</li>');
    for (const [, name, text] of plot.matchAll(/<i class="([^"]*)"[^>]*>([^<]*)<\/i>/g))
      expect(name === 'mark' ? text === '' : /^(tick-[xy]|axis-[xy]|above)$/.test(name ?? '')).toBe(true);
    for (const name of ['tick-x', 'axis-x'])
      expect(STYLE).toMatch(new RegExp(`\\.${name} \\{ top: calc\\(100%`));
    for (const name of ['tick-y', 'axis-y'])
      expect(STYLE).toMatch(new RegExp(`\\.${name} \\{ right: calc\\(100%`));
    expect(STYLE).toMatch(/\.above \{ bottom: calc\(100%/);
  });

  it('keeps the word of a ruler inside its width', () => {
    expect(svg).toContain('style="left:100%;transform:translateX(-100%)">at 1</i>');
  });
});
