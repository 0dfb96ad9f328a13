import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Entry, Verdict } from '../schemas.js';
import { isDark } from './colours.js';
import { entries } from './live.js';
import { Options } from './options.js';
import { pictureOf } from './pictures.js';
import { type Answer, ask, whyNot } from './requests.js';
import { drawPicture } from './spectrogram.js';
import { type Story, storyOf } from './story.js';
import { dateAndTime, decimal, duration, percent, t } from './texts.js';

/** So many are shown before somebody asks for more. */
const FIRST = 10;
const FILTERS = ['all', 'alarms', 'faults'] as const;
type Filter = (typeof FILTERS)[number];

/** The last alarms and faults. */
export function History() {
  const filter = useSignal<Filter>('all');
  const all = useSignal(false);
  const texts = t().history;
  const fitting = entries.value.filter((entry) => fits(entry, filter.value));
  const shown = all.value ? fitting : fitting.slice(0, FIRST);
  return (
    <section class="card history" id="was" aria-labelledby="history">
      <div class="heading">
        <h2 id="history">{texts.title}</h2>
        <fieldset class="choice">
          <legend class="unseen-by-eyes">{texts.title}</legend>
          <Options
            name="filter"
            values={FILTERS}
            chosen={filter.value}
            texts={texts}
            onChoose={(each) => {
              filter.value = each;
            }}
          />
        </fieldset>
      </div>
      {shown.length === 0 && <p class="hint">{texts.empty}</p>}
      <ul>
        {shown.map((entry) => (
          <Row key={entry.id} story={storyOf(entry)} />
        ))}
      </ul>
      {shown.length < fitting.length && (
        <button
          type="button"
          onClick={() => {
            all.value = true;
          }}
        >
          {texts.more(fitting.length)}
        </button>
      )}
    </section>
  );
}

function fits({ events }: Entry, filter: Filter): boolean {
  if (filter === 'all') return true;
  return (events[0]?.event_type === 'fault') === (filter === 'faults');
}

function Row({ story }: { story: Story }) {
  const alarm = story.type === 'alarm_started';
  return (
    <li class={`entry ${alarm ? 'alarm' : story.type}`} data-id={story.id}>
      {alarm ? <Picture id={story.id} of={idsOf(story)} /> : <span class="no-picture" aria-hidden="true" />}
      <div class="words">
        <h3 id={whatId(story)}>
          {story.what}
          {story.test && <span class="chip">{t().history.test}</span>}
        </h3>
        <p>
          <time id={whenId(story)} dateTime={new Date(story.atMs).toISOString()}>
            {dateAndTime(story.atMs)}
          </time>
        </p>
        {alarm && <p class="details">{detailsOf(story).join(' · ')}</p>}
        {alarm && <Windows scores={story.windows} />}
      </div>
      {alarm && <Verdicts story={story} />}
    </li>
  );
}

/** What there is one of for each alarm is called after its alarm, too: read out by itself, each would sound the same. */
const whatId = ({ id }: Story) => `what-${id}`;
const whenId = ({ id }: Story) => `when-${id}`;
const idsOf = (story: Story) => `${whatId(story)} ${whenId(story)}`;

function detailsOf(story: Story): string[] {
  const texts = t().history;
  const { confidence, evidence, line, windows, repetitions } = story;
  const details: string[] = [];
  if (confidence !== undefined) details.push(texts.confidence(percent(confidence)));
  if (evidence !== undefined && line !== undefined)
    details.push(texts.evidence(decimal(evidence, 1), decimal(line, 1)));
  details.push(texts.windows(windows.length));
  if (story.durationSeconds === undefined) details.push(texts.going);
  else details.push(texts.lasted(duration(story.durationSeconds)));
  if (story.acknowledgedSeconds === undefined) details.push(texts.unseen);
  else details.push(texts.seen(duration(story.acknowledgedSeconds), story.acknowledgedBy));
  if (repetitions > 0) details.push(texts.repeated(repetitions));
  return details;
}

/** A small column for each window that led to it. */
function Windows({ scores }: { scores: readonly number[] }) {
  const highest = Math.max(1, ...scores);
  return (
    <div class="windows" aria-hidden="true">
      {scores.map((score, place) => (
        <span
          key={place}
          style={{ height: `${Math.max(10, (100 * score) / highest)}%` }}
          title={decimal(score, 2)}
        />
      ))}
    </div>
  );
}

/**
 * Its spectrogram, fetched when it comes into sight.
 *
 * @param of ids of the words that say which alarm's it is
 */
function Picture({ id, of }: { id: string; of: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const mel = useSignal<string | undefined>(undefined);
  const dark = isDark.value;
  useEffect(() => {
    if (!canvas.current) return undefined;
    const watch = new IntersectionObserver(async ([seen]) => {
      if (!seen?.isIntersecting) return;
      watch.disconnect();
      mel.value = await pictureOf(id);
    });
    watch.observe(canvas.current);
    return () => watch.disconnect();
  }, [id, mel]);
  useEffect(() => {
    if (canvas.current && mel.value) drawPicture(canvas.current, mel.value, dark);
  }, [mel.value, dark]);
  const own = `picture-${id}`;
  return (
    <canvas
      ref={canvas}
      class="picture"
      role="img"
      id={own}
      aria-label={t().history.picture}
      aria-labelledby={`${own} ${of}`}
    />
  );
}

function Verdicts({ story }: { story: Story }) {
  const answer = useSignal<Answer | undefined>(undefined);
  const texts = t().history;
  if (!story.judgeable) return <VerdictOnly verdict={story.verdict} />;
  const judge = async (verdict: Verdict) => {
    answer.value = await ask('POST', `api/events/${story.id}/verdict`, { verdict });
  };
  const button = (verdict: Verdict, name: string) => (
    <button
      type="button"
      class="small"
      id={`${verdict}-${story.id}`}
      aria-labelledby={`${verdict}-${story.id} ${idsOf(story)}`}
      aria-pressed={story.verdict === verdict}
      onClick={() => judge(verdict)}
    >
      {name}
    </button>
  );
  return (
    <fieldset class="verdicts">
      <legend>{texts.verdict}</legend>
      {button('real_alarm', texts.real)}
      {button('false_alarm', texts.false)}
      <p class="hint" role="status">
        {whyNot(answer.value)}
      </p>
    </fieldset>
  );
}

function VerdictOnly({ verdict }: { verdict: string | undefined }) {
  const texts = t().history;
  if (verdict === undefined) return null;
  return (
    <p class="verdicts">
      <span class="chip">{verdict === 'real_alarm' ? texts.real : texts.false}</span>
    </p>
  );
}
