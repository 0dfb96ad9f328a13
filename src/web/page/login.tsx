import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { link } from './link.js';
import { open } from './live.js';
import { type Answer, ask, whyNot } from './requests.js';
import { t } from './texts.js';

/** Asks for the password. */
export function Login() {
  const password = useSignal('');
  const answer = useSignal<Answer | undefined>(undefined);
  const input = useRef<HTMLInputElement>(null);
  const texts = t().login;
  const submit = async (event: Event) => {
    event.preventDefault();
    answer.value = undefined; // so that the same words are said again
    const given = await ask('POST', 'api/session', { password: password.value });
    if (given.status === 204) {
      link.value = 'opening';
      return open();
    }
    password.value = '';
    answer.value = given;
    input.current?.focus();
  };
  return (
    <form class="card login" onSubmit={submit}>
      <h2>{texts.title}</h2>
      <label>
        {texts.password}
        <input
          ref={input}
          type="password"
          autocomplete="current-password"
          required
          maxLength={1000}
          value={password.value}
          aria-invalid={answer.value?.status === 401}
          aria-describedby="login-problem"
          onInput={({ currentTarget }) => {
            password.value = currentTarget.value;
          }}
        />
      </label>
      <button type="submit" class="primary">
        {texts.submit}
      </button>
      <p id="login-problem" class="problem" role="alert">
        {whyNot(answer.value)}
      </p>
    </form>
  );
}

export async function logOut(): Promise<void> {
  await ask('DELETE', 'api/session');
  location.reload();
}
