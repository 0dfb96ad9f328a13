import { health, problemsOf, uptimeSeconds } from './health.js';
import { link } from './link.js';
import { clockAheadMs, delivery, offline, status } from './live.js';
import { problemText } from './story.js';
import { decimal, duration, megabytes, t } from './texts.js';

/** Of a clock that is further off, people wonder. */
const AGREES_MS = 3000;

/** How each part of the whole is. */
export function Parts() {
  const texts = t().health;
  const { model, version } = status.value ?? {};
  const now = health.value;
  const aheadMs = clockAheadMs.value;
  const { connected, queuedEvents, droppedEvents } = delivery.value;
  const { droppedWindows = 0, mqttReconnects = 0 } = now ?? {};
  const free = now?.diskFreeMb == null ? [] : [texts.free(megabytes(now.diskFreeMb))];
  const inference = now?.inferenceMs == null ? [] : [texts.inference(`${decimal(now.inferenceMs, 1)} ms`)];
  return (
    <section class="card parts" aria-labelledby="parts">
      <h2 id="parts">{texts.title}</h2>
      <dl>
        <Part
          name={texts.microphone}
          well={!offline.value}
          says={[offline.value ? problemText('no_sound') : texts.hears]}
          problems={problemsOf('microphone')}
        />
        <Part
          name={texts.broker}
          well={connected}
          says={[
            connected ? texts.connected : texts.away,
            ...(mqttReconnects > 0 ? [texts.reconnects(mqttReconnects)] : []),
          ]}
          problems={problemsOf('broker')}
        />
        <Part
          name={texts.engine}
          says={[
            `${model?.engine ?? ''}, ${model?.precision ?? ''}`,
            ...inference,
            ...(droppedWindows > 0 ? [texts.dropped(droppedWindows)] : []),
          ]}
          problems={problemsOf('engine')}
        />
        <Part
          name={texts.outbox}
          well={queuedEvents === 0}
          says={[
            queuedEvents === 0 ? texts.delivered : texts.waiting(queuedEvents),
            ...(droppedEvents > 0 ? [texts.lost(droppedEvents)] : []),
          ]}
          problems={problemsOf('outbox')}
        />
        <Part name={texts.disk} says={[texts.kept, ...free]} problems={problemsOf('disk')} />
        <Part
          name={texts.clock}
          well={Math.abs(aheadMs) < AGREES_MS}
          says={[
            Math.abs(aheadMs) < AGREES_MS ? texts.agrees : texts.differs(duration(Math.abs(aheadMs) / 1000)),
          ]}
        />
        <Part
          name={texts.running}
          says={[duration(uptimeSeconds.value), texts.memory(megabytes(now?.memoryMb ?? 0))]}
          problems={problemsOf('running')}
        />
        <Part
          name={texts.versions}
          says={[`bathnet2mqtt ${version ?? ''}`, `${model?.name ?? ''} ${model?.version ?? ''}`]}
        />
      </dl>
    </section>
  );
}

interface PartProps {
  readonly name: string;
  readonly says: readonly string[];
  readonly well?: boolean;
  readonly problems?: readonly string[];
}

const SIGNS = { fine: 'M-4 0l3 3 5-6', problem: 'M0-5v6M0 4.500v.5', unknown: 'M-4 0h8' };

/** Of a device that cannot be reached nobody knows how it is. */
function Part({ name, says, well = true, problems = [] }: PartProps) {
  const how = link.value !== 'open' ? 'unknown' : well && problems.length === 0 ? 'fine' : 'problem';
  const texts = problems.length > 0 ? problems.map(problemText) : says;
  return (
    <div class={`part ${how}`}>
      <dt>
        <svg class="lamp" viewBox="-8 -8 16 16" aria-hidden="true">
          <path d={SIGNS[how]} />
        </svg>
        {name}
        <span class="unseen-by-eyes">, {t().health[how]}</span>
      </dt>
      <dd>
        {(how === 'unknown' ? [t().health.unknown] : texts).map((text) => (
          <span key={text}>{text}</span>
        ))}
      </dd>
    </div>
  );
}
