import { useSignal } from '@preact/signals';
import { states } from './live.js';
import { Options } from './options.js';
import { command } from './requests.js';
import { t } from './texts.js';

const SENSITIVITIES = ['low', 'normal', 'high'] as const;

/** What a person can tell it. */
export function Controls() {
  const texts = t().control;
  const said = useSignal('');
  const tell = async (name: string, value: string, done = '') => {
    const { status, problem } = await command(name, value);
    said.value = status === 204 ? done : (problem ?? texts.failed);
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
      <button type="button" onClick={() => tell('test', 'PRESS', texts.tested)}>
        {texts.test}
      </button>
      <p class="hint" role="status">
        {said.value}
      </p>
    </section>
  );
}
