// The figures as a picture: bars per window, and lines of what more sound costs. SVG, readable without colours.

const WIDTH = 860;
const LEFT = 300;
const BAR = 16;
const ROW = 22;
const STAGES = [
  ['melMs', 'log-mel', '#8fb8de'],
  ['networkMs', 'network', '#2f6db3'],
  ['restMs', 'heads and decision', '#12325c'],
];
const COLOURS = ['#2f6db3', '#c4572a', '#3c8f5a'];
const PLOT = { width: 340, height: 200 };

/** @returns an SVG file */
export function chart({ rows, microphones, hours, date, machine }) {
  const shown = rows.filter(({ wholeMs }) => wholeMs.p50 < 10); // plain JavaScript would flatten all others
  const left = rows.filter((row) => !shown.includes(row));
  const bars = windowBars(shown, 60);
  const plots = bars.bottom + 60;
  const svg = [
    label(20, 30, 'Milliseconds per window, one thread', { size: 17, weight: 'bold' }),
    ...legend(LEFT - 100, 50),
    ...bars.parts,
    ...left.map(({ model, name, wholeMs }, i) =>
      label(LEFT, bars.bottom + 12 + 16 * i, `not drawn: ${model}, ${name}: ${wholeMs.p50.toFixed(0)} ms`, {
        colour: '#666',
      }),
    ),
    ...plot({
      x: 60,
      y: plots + 16 * left.length,
      title: 'Microphones in one process, % of a core',
      series: seriesOf(microphones, ({ count, ofCore }) => [count, 100 * ofCore]),
      unit: 'microphones',
    }),
    ...plot({
      x: 480,
      y: plots + 16 * left.length,
      title: 'Hours of files, CPU seconds',
      series: seriesOf(hours, ({ hours: count, cpuSeconds }) => [count, cpuSeconds]),
      unit: 'hours',
      logarithmic: true,
    }),
  ];
  const height = plots + 16 * left.length + PLOT.height + 90;
  svg.push(
    label(20, height - 12, `npm run bench, ${date}, ${machine.cpu}, ${machine.cores} cores, busy`, {
      colour: '#666',
    }),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<title>Milliseconds per window by engine and model, and what more microphones and hours cost</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
${svg.join('\n')}
</svg>
`;
}

function seriesOf(models, point) {
  return Object.entries(models).map(([name, all]) => ({ name, points: all.map(point) }));
}

function windowBars(rows, top) {
  const most = Math.max(...rows.map(({ wholeMs }) => wholeMs.p50));
  const scale = (WIDTH - LEFT - 70) / most;
  const parts = [];
  let y = top;
  for (const model of new Set(rows.map((row) => row.model))) {
    y += 14;
    parts.push(label(20, y + 12, model, { weight: 'bold' }));
    const mine = rows.filter((row) => row.model === model).sort((a, b) => a.wholeMs.p50 - b.wholeMs.p50);
    for (const row of mine) {
      y += ROW;
      parts.push(
        label(LEFT - 8, y + 12, row.name, { anchor: 'end', weight: row.other ? undefined : 'bold' }),
      );
      let x = LEFT;
      for (const [stage, , colour] of row.frontEnd && !row.melMs ? [['wholeMs', '', '#7a7a7a']] : STAGES) {
        const width = (row[stage]?.p50 ?? 0) * scale;
        parts.push(
          rectangle(x, y, width, BAR, row.other && !row.melMs && stage === 'networkMs' ? '#a9a9a9' : colour),
        );
        x += width;
      }
      parts.push(label(x + 5, y + 12, row.wholeMs.p50.toFixed(2)));
    }
    y += ROW;
  }
  return { parts, bottom: y };
}

function legend(x, y) {
  const all = [
    ...STAGES,
    ['', 'network alone, of others', '#a9a9a9'],
    ['', 'all of it, of others', '#7a7a7a'],
  ];
  return all.flatMap(([, name, colour], i) => [
    rectangle(x + [0, 80, 160, 310, 480][i], y - 10, 11, 11, colour),
    label(x + [0, 80, 160, 310, 480][i] + 15, y, name),
  ]);
}

function plot({ x, y, title, series, unit, logarithmic = false }) {
  const points = series.flatMap((each) => each.points);
  if (points.length === 0) return [];
  const along = axis(
    points.map(([at]) => at),
    PLOT.width,
    logarithmic,
  );
  const up = axis(
    points.map(([, value]) => value),
    PLOT.height,
    logarithmic,
  );
  const bottom = y + PLOT.height;
  const parts = [
    label(x - 30, y - 14, title, { weight: 'bold' }),
    `<path d="M${x} ${y}V${bottom}H${x + PLOT.width}" fill="none" stroke="#888"/>`,
    label(x + PLOT.width, bottom + 32, unit, { anchor: 'end', colour: '#666' }),
  ];
  for (const at of new Set(points.map(([first]) => first)))
    parts.push(label(x + along(at), bottom + 16, String(at), { anchor: 'middle' }));
  for (const [i, { name, points: mine }] of series.entries()) {
    const colour = COLOURS[i % COLOURS.length];
    const places = mine.map(([at, value]) => [x + along(at), bottom - up(value)]);
    parts.push(
      `<polyline points="${places.map((place) => place.map(round).join()).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    );
    for (const [j, [px, py]] of places.entries()) {
      parts.push(`<circle cx="${round(px)}" cy="${round(py)}" r="3" fill="${colour}"/>`);
      const value = mine[j][1];
      parts.push(
        label(px, py + (i === 0 ? 16 : -8), value < 10 ? value.toFixed(1) : value.toFixed(0), {
          anchor: 'middle',
          colour,
        }),
      );
    }
    parts.push(label(x + 14, y + 14 + 16 * (series.length - 1 - i), `— ${name}`, { colour }));
  }
  return parts;
}

/** @returns value → pixels, from 0 or, logarithmic, from half the least */
function axis(values, pixels, logarithmic) {
  const [least, most] = [Math.min(...values) / 2, Math.max(...values) * 1.08];
  if (!logarithmic) return (value) => (pixels * value) / most;
  return (value) => (pixels * Math.log(value / least)) / Math.log((most * 1.1) / least);
}

function rectangle(x, y, width, height, colour) {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${height}" fill="${colour}"/>`;
}

function label(x, y, words, { anchor = 'start', colour = '#222', size, weight } = {}) {
  const style = `${size ? ` font-size="${size}"` : ''}${weight ? ` font-weight="${weight}"` : ''}`;
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="${colour}"${style}>${escaped(words)}</text>`;
}

function escaped(words) {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

function round(value) {
  return Number(value.toFixed(1));
}
