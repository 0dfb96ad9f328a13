import { render } from 'preact';
import './style/colours.css';
import './style/base.css';
import './style/controls.css';
import './style/glance.css';
import './style/sound.css';
import './style/scores.css';
import './style/history.css';
import './style/health.css';
import './style/login.css';
import { Controls } from './controls.js';
import { Glance } from './glance.js';
import { History } from './history.js';
import { link } from './link.js';
import { open, refusal, status } from './live.js';
import { Login, logOut } from './login.js';
import { Parts } from './parts.js';
import { whyNot } from './requests.js';
import { Scope } from './scope.js';
import { Evidence, Heard, Level } from './scores.js';
import { LANGUAGES, language, speak, t } from './texts.js';

/** The page, from what a glance needs to what one looks up. */
function Page() {
  if (link.value === 'login' || link.value === 'refused')
    return (
      <>
        <Header />
        <main>
          {link.value === 'login' ? (
            <Login />
          ) : (
            <p class="card refused" role="alert">
              {whyNot(refusal.value)}
            </p>
          )}
        </main>
      </>
    );
  return (
    <>
      <a class="skip" href="#was">
        {t().skip}
      </a>
      <Header />
      <main>
        <Glance />
        {status.value && (
          <>
            <Scope />
            <Heard />
            <Evidence />
            <Level />
            <Controls />
            <History />
            <Parts />
          </>
        )}
      </main>
    </>
  );
}

function Header() {
  const { device, password } = status.value ?? {};
  return (
    <header>
      <img src="./icon.svg" alt="" width="32" height="32" />
      <div class="names">
        <h1>{device?.name ?? 'bathnet2mqtt'}</h1>
        {device?.area && device.area !== device.name && <span class="area">{device.area}</span>}
      </div>
      <label class="language">
        <span class="unseen-by-eyes">{t().language}</span>
        <select value={language.value} onChange={({ currentTarget }) => speak(currentTarget.value)}>
          {Object.entries(LANGUAGES).map(([code, { name }]) => (
            <option key={code} value={code} lang={code}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {password && (
        <button type="button" class="small" onClick={logOut}>
          {t().login.out}
        </button>
      )}
    </header>
  );
}

const root = document.getElementById('page');
if (root) render(<Page />, root);
void open();
