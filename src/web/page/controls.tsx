import { useSignal } from '@preact/signals';
import { delivery, states } from './live.js';
import { Options } from './options.js';
import { type Answer, command, whyNot } from './requests.js';
import { t } from './texts.js';

const SENSITIVITIES = ['low', 'normal', 'high'] as const;

/** A command, and what became of it. */
interface Said {
  readonly name: string;
  readonly answer: Answer;
}

/** What a person can tell it. */
export function Controls() {
  const texts = t().control;
  const said = useSignal<Said | undefined>(undefined);
  const tell = async (name: string, value: string) => {
    said.value = undefined; // so that the same words are said again

    said.value = { name, answer: await command(name, value) };
  };
  const { enabled, sensitivity } = states.value;
  const on = enabled !== 'OFF';
  return (
    <section class="card controls" aria-labelledby="controls">
      <h2 id="controls">{texts.title}</h2>
      <div class="row">
        <span id="enabled">{texts.enabled}</span>
        <button
          type="button"
          class="switch"
          role="switch"
          aria-checked={on}
          aria-labelledby="enabled"
          onClick={() => tell('enabled', on ? 'OFF' : 'ON')}
        >
          <span class="knob" aria-hidden="true" />
          <span aria-hidden="true">{on ? texts.on : texts.off}</span>
        </button>
      </div>
      {sensitivity !== undefined && (
        <fieldset class="row">
          <legend>{texts.sensitivity}</legend>
          <div class="choice">
            <Options
              name="sensitivity"
              values={SENSITIVITIES}
              chosen={sensitivity}
              texts={texts}
              onChoose={(each) => tell('sensitivity', each)}
            />
          </div>
        </fieldset>
      )}
      <button type="button" onClick={() => tell('test', 'PRESS')}>
        {texts.test}
      </button>
      <p class="hint" role="status">
        {said.value && saidOf(said.value)}
      </p>
    </section>
  );
}

/** A switch that moves says enough; a test alarm arrives elsewhere, once there is a broker. */
function saidOf({ name, answer }: Said): string {
  const { tested, testWaits } = t().control;
  return whyNot(answer) || (name !== 'test' ? '' : delivery.value.connected ? tested : testWaits);
}
