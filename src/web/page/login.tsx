import { useSignal } from '@preact/signals';
import { link, open } from './live.js';
import { ask } from './requests.js';
import { t } from './texts.js';

/** Asks for the password. */
export function Login() {
  const password = useSignal('');
  const problem = useSignal('');
  const texts = t().login;
  const submit = async (event: Event) => {
    event.preventDefault();
    const answer = await ask('POST', 'api/session', { password: password.value });
    if (answer.status === 204) {
      link.value = 'opening';
      return open();
    }
    password.value = '';
    if (answer.status === 401) problem.value = texts.wrong;
    else if (answer.status === 429) problem.value = texts.wait(/\d+/.exec(answer.problem ?? '')?.[0] ?? '');
    else problem.value = answer.problem ?? t().control.failed;
  };
  return (
    <form class="card login" onSubmit={submit}>
      <h1>{texts.title}</h1>
      <label>
        {texts.password}
        <input
          type="password"
          autocomplete="current-password"
          required
          maxLength={1000}
          value={password.value}
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
        {problem.value}
      </p>
    </form>
  );
}

export async function logOut(): Promise<void> {
  await ask('DELETE', 'api/session');
  location.reload();
}
