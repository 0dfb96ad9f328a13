import { classProperty } from './colours.js';
import { latest, states, status } from './live.js';
import { decibels, decimal, nameOf, percent, t } from './texts.js';

/** A model may have hundreds of classes. */
const MOST_CLASSES = 6;
const MOST_AUDIOSET = 5;
/** Where the line of evidence stands in its bar. */
const LINE_AT = 0.75;
const QUIETEST_DBFS = -90;

interface BarProps {
  readonly name: string;
  /** 0…1 */
  readonly value: number;
  readonly text: string;
  /** Custom property of its colour. */
  readonly colour: string;
  /** Where a mark stands, 0…1. */
  readonly mark?: number | undefined;
  readonly now?: boolean;
}

function Bar({ name, value, text, colour, mark, now = false }: BarProps) {
  const share = Math.max(0, Math.min(1, value));
  return (
    <li class={now ? 'bar now' : 'bar'}>
      <span class="name">{name}</span>
      <span class="value">{text}</span>
      <span class="track" aria-hidden="true">
        <span class="fill" style={{ width: `${100 * share}%`, background: `var(${colour})` }} />
        {mark !== undefined && <span class="mark" style={{ left: `${100 * mark}%` }} />}
      </span>
    </li>
  );
}

/** Classes, and AudioSet's names for it. */
export function Heard() {
  const texts = t();
  const window = latest.value;
  const { labels = [], alarmLabels = [] } = status.value?.model ?? {};
  const { threshold, hits, window: windows } = states.value;
  const limit = threshold === undefined ? undefined : Number(threshold);
  const scores = labels.map((label, i) => ({ label, i, score: window?.scores[label] ?? 0 }));
  const shown =
    labels.length > MOST_CLASSES ? scores.sort((a, b) => b.score - a.score).slice(0, MOST_CLASSES) : scores;
  return (
    <section class="card" aria-labelledby="heard">
      <h2 id="heard">{texts.heard.title}</h2>
      <ul class="bars">
        {shown.map(({ label, i, score }) => (
          <Bar
            key={label}
            name={nameOf(texts.classes, label)}
            value={score}
            text={percent(score)}
            colour={classProperty(label, i, alarmLabels)}
            mark={alarmLabels.includes(label) ? limit : undefined}
            now={label === window?.label}
          />
        ))}
      </ul>
      {limit !== undefined && alarmLabels.length > 0 && (
        <p class="hint">{texts.heard.rule(decimal(limit, 2), hits ?? '', windows ?? '')}</p>
      )}
      {window?.vetoed && <p class="chip">{texts.heard.vetoed}</p>}
      {window && window.audioset.length > 0 && (
        <>
          <h3>{texts.heard.audioset}</h3>
          <ol class="audioset" lang="en">
            {window.audioset.slice(0, MOST_AUDIOSET).map(([name, score], place) => (
              <li key={place}>
                <span class="name">{name}</span>
                <span class="value">{percent(score)}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

/** What speaks for each kind of alarm. */
export function Evidence() {
  const texts = t();
  const kinds = status.value?.model.alarmKinds ?? [];
  const evidenceOf = (kind: string) => latest.value?.evidence[kind] ?? [0, 1];
  return (
    <section class="card" aria-labelledby="evidence">
      <h2 id="evidence">{texts.evidence.title}</h2>
      <ul class="bars">
        {kinds.map((kind) => {
          const [value, line] = evidenceOf(kind);
          return (
            <Bar
              key={kind}
              name={nameOf(texts.kinds, kind)}
              value={(value / line) * LINE_AT}
              text={percent(Math.max(0, value / line))}
              colour={value >= line ? '--alarm' : '--evidence'}
              mark={LINE_AT}
            />
          );
        })}
      </ul>
      <p class="hint">{kinds.length > 0 ? texts.evidence.line : texts.evidence.none}</p>
    </section>
  );
}

/** How loud it is, between the quietest of late and full scale. */
export function Level() {
  const texts = t().level;
  const window = latest.value;
  const gate = status.value?.minLevelDbfs ?? QUIETEST_DBFS;
  const floor = window?.floorDbfs;
  const place = (dbfs: number) => `${100 * shareOf(dbfs)}%`;
  const rms = window?.rmsDbfs ?? QUIETEST_DBFS;
  return (
    <section class="card level" aria-labelledby="level">
      <h2 id="level">{texts.title}</h2>
      <p class="big">{window ? decibels(Math.max(QUIETEST_DBFS, rms)) : '–'}</p>
      <div class="track" aria-hidden="true">
        <span class={rms > gate ? 'fill' : 'fill below'} style={{ width: place(rms) }} />
        <span class="mark" style={{ left: place(gate) }} />
        {floor !== undefined && <span class="mark floor" style={{ left: place(floor) }} />}
        {window && <span class="mark peak" style={{ left: place(window.peakDbfs) }} />}
      </div>
      <ul class="legend">
        <li class="gate">{texts.gate(decibels(gate))}</li>
        {floor !== undefined && (
          <li class="floor">{texts.floor(decibels(Math.max(QUIETEST_DBFS, floor)))}</li>
        )}
        {window && <li class="peak">{texts.peak(decibels(window.peakDbfs))}</li>}
      </ul>
      <p class="hint">{texts.hint}</p>
    </section>
  );
}

const shareOf = (dbfs: number) => Math.max(0, Math.min(1, 1 - dbfs / QUIETEST_DBFS));
