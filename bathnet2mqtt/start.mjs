/**
 * What runs in the container of the app for Home Assistant: turns the app's options and the broker that the
 * Supervisor knows into settings, and becomes the daemon.
 *
 *   node bathnet2mqtt/start.mjs [FOLDER]
 *
 * FOLDER is /data, where options.json lies and what survives a restart.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** https://developers.home-assistant.io/docs/api/supervisor/endpoints/#service */
const SUPERVISOR = process.env.SUPERVISOR_API ?? 'http://supervisor';
/** Where the Supervisor may take long at a start of the whole machine. */
const ASK_TIMEOUT_MS = 30_000;
/** From here alone Home Assistant shows the page, to people who are signed in. */
const INGRESS = '172.30.32.2';
/** sysexits: unavailable, wrong configuration. */
const [UNAVAILABLE, CONFIGURATION] = [69, 78];

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
const broker = own.some(([key]) => key === 'mqtt.url') ? {} : await brokerOfSupervisor();
// Passwords are no arguments: those can be read by every process.
for (const [name, value] of Object.entries(broker)) process.env[name] = value;
const set = [...Object.entries(settings), ...own].flatMap(([key, value]) => ['--set', `${key}=${value}`]);
process.argv = [process.execPath, main, 'run', ...set];
await import(main);

function readOptions() {
  const path = join(folder, 'options.json');
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    return fail(CONFIGURATION, `${path}: ${error.message}`, 'Save the configuration of the app again.');
  }
}

/** The sound server's client, not PortAudio: Home Assistant has PulseAudio's protocol, and no ALSA device. */
function microphone(device) {
  if (device !== undefined && !/^[\w.:@-]+$/.test(device))
    fail(
      CONFIGURATION,
      `microphone: "${device}" is no name of a source`,
      'Names have no spaces: pactl list sources',
    );
  const from = device === undefined ? '' : ` --device=${device}`;
  const command = `exec parec --raw --format=s16le --rate=16000 --channels=1 --latency-msec=100${from}`;
  return { 'input.source': 'command', 'input.command': command };
}

function pair(line) {
  const at = line.indexOf('=');
  if (at < 1)
    fail(CONFIGURATION, `settings: "${line}" is no setting`, 'Write one as key=value: sense.waterMinutes=20');
  return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
}

async function brokerOfSupervisor() {
  const headers = { authorization: `Bearer ${process.env.SUPERVISOR_TOKEN}` };
  const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
  const hint =
    'Install and start the app "Mosquitto broker", or name another one in settings: mqtt.url=mqtt://…';
  const answer = await fetch(`${SUPERVISOR}/services/mqtt`, { headers, signal })
    .then((response) => response.json())
    .catch((error) => fail(UNAVAILABLE, `the Supervisor does not answer: ${error.message}`, hint));
  const { host, port, ssl, username, password } = answer.data ?? {};
  if (answer.result !== 'ok' || !host)
    fail(UNAVAILABLE, `no MQTT broker: ${answer.message ?? 'none is known'}`, hint);
  return {
    BATHNET_MQTT__URL: `${ssl ? 'mqtts' : 'mqtt'}://${host}:${port}`,
    ...(username && { BATHNET_MQTT__USERNAME: username, BATHNET_MQTT__PASSWORD: password }),
  };
}

function fail(code, message, hint) {
  console.error(`error: ${message}\n  hint: ${hint}`);
  process.exit(code);
}
