/**
 * What runs in the container of the app for Home Assistant: turns the app's options and the broker that the
 * Supervisor knows into settings, and keeps the daemon running with them. The Supervisor starts no app again that
 * has ended, unless its user has found the switch for it.
 *
 *   node bathnet2mqtt/start.mjs [FOLDER]
 *
 * FOLDER is /data, where options.json lies and what survives a restart.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** https://developers.home-assistant.io/docs/api/supervisor/endpoints/#service */
const SUPERVISOR = process.env.SUPERVISOR_API ?? 'http://supervisor';
const ASK_TIMEOUT_MS = 10_000;
/** A broker may come later than this, and be installed anew with another password. */
const ASK_EVERY_MS = 10_000;
/** As systemd waits. */
const RESTART_MS = 5000;
/** From here alone Home Assistant shows the page, to people who are signed in. */
const INGRESS = '172.30.32.2';
/** sysexits: wrong usage, wrong configuration; neither mends itself. */
const [USAGE, CONFIGURATION] = [64, 78];
const BROKER_HINT =
  'Install and start the app "Mosquitto broker", or name another one in settings: mqtt.url=mqtt://…';

const folder = process.argv[2] ?? '/data';
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

const options = readOptions();
const settings = {
  'device.name': options.name,
  'alarm.sensitivity': options.sensitivity,
  'sense.longStayMinutes': String(options.long_stay_minutes ?? 0),
  stateDir: join(folder, 'state'),
  ...microphone(options.microphone),
  'web.enabled': 'true',
  'web.host': '0.0.0.0',
  'web.trustedProxy': INGRESS,
};
const own = (options.settings ?? []).map(pair);
const set = [...Object.entries(settings), ...own].flatMap(([key, value]) => ['--set', `${key}=${value}`]);

/** What the daemon gets in its environment: passwords are no arguments, which every process can read. */
let broker = {};
/** Why there is none, as it was said. */
let lack = '';
let daemon;
let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'])
  process.on(signal, () => {
    stopping = true;
    if (!daemon) process.exit(0);
    daemon.kill(signal);
  });

if (!own.some(([key]) => key === 'mqtt.url')) {
  await askForBroker();
  setInterval(askForBroker, ASK_EVERY_MS);
}
for (;;) {
  const end = await runDaemon();
  daemon = undefined;
  if (stopping || end.code === USAGE || end.code === CONFIGURATION) process.exit(end.code ?? 0);
  console.error(`The daemon ${end.what}.`);
  await wait(RESTART_MS);
}

/** How it has ended, or why it was not started: without memory or processes left, which there may be again. */
async function runDaemon() {
  try {
    const env = { ...process.env, ...broker };
    daemon = spawn(process.execPath, [main, 'run', ...set], { env, stdio: 'inherit' });
    const [code, signal] = await once(daemon, 'exit');
    return { code, what: `has ended (${signal ?? code}) and is started again` };
  } catch (error) {
    return { what: `cannot be started now (${error.message}); it is tried again` };
  }
}

function readOptions() {
  const path = join(folder, 'options.json');
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    return fail(`${path}: ${error.message}`, 'Save the configuration of the app again.');
  }
}

/** The sound server's client, not PortAudio: Home Assistant has PulseAudio's protocol, and no ALSA device. */
function microphone(device) {
  if (device !== undefined && !/^[\w.:@-]+$/.test(device))
    fail(`microphone: "${device}" is no name of a source`, 'Names have no spaces: pactl list sources');
  const from = device === undefined ? '' : ` --device=${device}`;
  const command = `exec parec --raw --format=s16le --rate=16000 --channels=1 --latency-msec=100${from}`;
  return { 'input.source': 'command', 'input.command': command };
}

function pair(line) {
  const at = line.indexOf('=');
  if (at < 1) fail(`settings: "${line}" is no setting`, 'Write one as key=value: sense.waterMinutes=20');
  return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
}

/**
 * Without a broker the daemon listens all the same: it keeps what the broker is to be told, and `notify` needs none.
 * Another one than before, it gets by being started again.
 */
async function askForBroker() {
  const found = await brokerOfSupervisor().catch((error) => {
    if (error.message !== lack) console.error(`error: ${error.message}\n  hint: ${BROKER_HINT}`);
    lack = error.message;
  });
  if (!found) return;
  lack = '';
  if (JSON.stringify(found) === JSON.stringify(broker)) return;
  broker = found;
  daemon?.kill('SIGTERM');
}

/** @throws Error where there is none */
async function brokerOfSupervisor() {
  const headers = { authorization: `Bearer ${process.env.SUPERVISOR_TOKEN}` };
  const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
  const answer = await fetch(`${SUPERVISOR}/services/mqtt`, { headers, signal })
    .then((response) => response.json())
    .catch((error) => {
      throw new Error(`the Supervisor does not answer: ${error.message}`);
    });
  const { host, port, ssl, username, password } = answer.data ?? {};
  if (answer.result !== 'ok' || !host)
    throw new Error(`no MQTT broker: ${answer.message ?? 'none is known'}`);
  return {
    BATHNET_MQTT__URL: `${ssl ? 'mqtts' : 'mqtt'}://${host}:${port}`,
    ...(username && { BATHNET_MQTT__USERNAME: username, BATHNET_MQTT__PASSWORD: password }),
  };
}

function fail(message, hint) {
  console.error(`error: ${message}\n  hint: ${hint}`);
  process.exit(CONFIGURATION);
}
