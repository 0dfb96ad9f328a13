// The figures as tables: in text for a terminal, in Markdown for docs/.

const FIXED = { ms: 2, mb: 0, s: 1 };
const number = (value, digits) => (value === undefined ? '–' : value.toFixed(digits));
const ms = (value) => number(value, FIXED.ms);
const mb = (value) => number(value, FIXED.mb);

const OTHERS = ` What others compute is their network alone, of the file that \`models export\` writes, unless they have a front end of their own. Not among them: MediaPipe 1.2 for Python, whose audio classifier refuses a YAMNet without metadata and breaks off with a segmentation fault where its own writer has added them, and sherpa-onnx, which tags sound with Zipformer and CED models alone.`;

/** For a terminal. */
export function text(figures) {
  const parts = tables(figures).map(({ title, head, rows }) => `${title}\n\n${columns([head, ...rows])}`);
  return [`${machine(figures)}\n`, ...parts].join('\n');
}

/** The page for docs/, with the chart that lies beside it. */
export function markdown(figures) {
  const parts = tables(figures).map(({ title, head, rows, note }) =>
    [
      `## ${title}`,
      note,
      [head, head.map((_, i) => (i < 2 ? '---' : '---:')), ...rows]
        .map((cells) => `| ${cells.join(' | ')} |`)
        .join('\n'),
    ].join('\n\n'),
  );
  return `# How fast it is

Written by \`npm run bench\` on ${figures.date}. ${machine(figures)}

![Milliseconds per window by engine and model, and what more microphones and hours cost](bench.svg)

${parts.join('\n\n')}
`;
}

function machine({ machine: { cpu, cores, node, busy }, flags: { note } }) {
  const share = `${(100 * busy).toFixed(0)} %`;
  return `${cpu}, ${cores} cores, Node ${node}, every network on one thread. While it ran the cores were ${share} busy, by this and by other programs${note ? ` (${note})` : ''}: compare the figures with each other, not with those of another machine.`;
}

function tables({ rows, microphones, hours, flags, machine: { bareNodeMs } }) {
  const ours = rows.filter(({ other }) => !other);
  return [
    {
      title: 'A window, milliseconds',
      note: `${flags.windows} windows of the demo's scene, one after the other as from a microphone, in ${flags.rounds} rounds in turn, each in a process of its own. A median is that of the quietest 20 windows in a row, the 99th percentile that of all in the quietest round. *Rest* is heads, event head and decision. What hears the kinds of events for the full YAMNet, bathnet-mini's network in float32, is in *network*, but where it is said to be *by itself*. CPU is that of all threads of the process.${rows.some(({ other }) => other) ? OTHERS : ''}`,
      head: [
        'model',
        'computed by',
        'log-mel',
        'network',
        'rest',
        'whole',
        'whole, p99',
        'CPU',
        'in batches, windows/s',
      ],
      rows: rows.map((row) => [
        row.model,
        row.name,
        ms(row.melMs?.p50),
        ms(row.networkMs?.p50),
        ms(row.restMs?.p50),
        row.other && !row.frontEnd ? '–' : ms(row.wholeMs.p50),
        ms(row.wholeMs.p99),
        ms(row.cpuMs),
        row.batchPerSecond === undefined ? '–' : row.batchPerSecond.toFixed(0),
      ]),
    },
    {
      title: 'Start and memory of the measured process',
      note: 'From the start of the process to the scores of its first window, and what is resident after all windows: for ours with the whole pipeline, for others with nothing but the model.',
      head: ['model', 'computed by', 'first result, ms', 'resident, MB'],
      rows: rows.map((row) => [
        row.model,
        row.name,
        mb(row.firstResultMs),
        mb(row.streamMb ?? row.residentMb),
      ]),
    },
    {
      title: 'The daemon in real time',
      note: `First result: from the start of its process to the first class on the broker; a Node that does nothing took ${mb(bareNodeMs)} ms. CPU and memory: all of these daemons side by side for ${flags.minutes} min, with the demo's scene as their microphone, in the environment that the service sets. Of the memory some 80 MB are pages of Node and ONNX Runtime on the disk (WASM: 45), which several processes share.`,
      head: [
        'model',
        'computed by',
        'first result, ms',
        'CPU for an hour of sound, s',
        'resident, MB',
        'highest, MB',
      ],
      rows: ours.map(({ model, name, startMs, daemon }) => [
        model,
        name,
        mb(startMs),
        number(daemon.cpuSecondsPerHour, FIXED.s),
        mb(daemon.residentMb),
        mb(daemon.highestMb),
      ]),
    },
    {
      title: 'More microphones in one process',
      note: `Real time, ${flags.seconds} s each, from the chunk of samples to the decision, on the engine that \`auto\` takes; capture and the broker are not in it.`,
      head: ['model', 'microphones', 'of a core', 'resident, MB', 'windows lost'],
      rows: Object.entries(microphones).flatMap(([model, all]) =>
        all.map(({ count, ofCore, residentMb, dropped }) => [
          model,
          count,
          `${(100 * ofCore).toFixed(1)} %`,
          mb(residentMb),
          dropped,
        ]),
      ),
    },
    {
      title: 'More hours of files',
      note: '`classify` of files of one hour each, on all cores: decoding, log-mel, network and decision.',
      head: ['model', 'hours', 'took, s', 'CPU, s', 'CPU for an hour, s', 'highest, MB'],
      rows: Object.entries(hours).flatMap(([model, all]) =>
        all.map(({ hours: count, wallSeconds, cpuSeconds, highestMb }) => [
          model,
          count,
          number(wallSeconds, FIXED.s),
          number(cpuSeconds, FIXED.s),
          number(cpuSeconds / count, FIXED.s),
          mb(highestMb),
        ]),
      ),
    },
  ].filter(({ rows: lines }) => lines.length > 0);
}

function columns(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => String(row[i]).length)));
  const line = (row) =>
    row
      .map((cell, i) => (i < 2 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i])))
      .join('  ');
  return `${rows.map(line).join('\n')}\n`;
}
