import { type Problem, show } from './problems.js';
import type { Config } from './schema.js';
import { IN_FILES } from './secrets.js';
import { KNOWN_SOUNDS, wantedSound } from './sections/sounds.js';

/** In less, what falls along with somebody has not come to rest. */
const MIN_THUMP_SILENCE_SECONDS = 5;
/** Where only this machine itself can connect. */
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

/** Combinations that cannot work, each found before anything starts. */
export function contradictions(config: Config): Problem[] {
  const { input, alarm, sense, quietHours, sounds, mqtt, web, notify } = config;
  const problems: Problem[] = [];
  const demand = (holds: boolean, path: string, text: string) => {
    if (!holds) problems.push({ path, text });
  };
  const demandAboveAlarm = (path: string, value = 1) => {
    const { threshold = 0 } = alarm;
    demand(threshold <= value, path, `expected at least alarm.threshold (${threshold}), found ${value}`);
  };
  for (const [section, keys] of Object.entries(IN_FILES))
    for (const key of keys) {
      const values: Record<string, unknown> = config[section as keyof typeof IN_FILES];
      demand(
        !values[key] || !values[`${key}File`],
        `${section}.${key}File`,
        `expected only one of ${key} and ${key}File, found both`,
      );
    }
  const tls = /^(mqtts|wss):/.test(mqtt.url);
  demand(
    input.source !== 'file' || !!input.file,
    'input.file',
    'expected a file, because input.source is file; found nothing',
  );
  demand(
    input.source !== 'command' || !!input.command,
    'input.command',
    'expected a command, because input.source is command; found nothing',
  );
  demand(
    !['command', 'stdin'].includes(input.source) ||
      input.channel === 'mix' ||
      input.channel <= input.channels,
    'input.channel',
    `expected mix or at most input.channels (${input.channels}), found ${input.channel}`,
  );
  demand(
    (alarm.hits ?? 1) <= (alarm.window ?? 100),
    'alarm.hits',
    `expected at most alarm.window (${alarm.window}), found ${alarm.hits}`,
  );
  demandAboveAlarm('alarm.instantThreshold', alarm.instantThreshold);
  demandAboveAlarm('sense.waterThreshold', sense.waterThreshold);
  demand(
    sense.waterThreshold === undefined || sense.waterLabels.length > 0,
    'sense.waterLabels',
    'expected a class, because there is sense.waterThreshold; found nothing',
  );
  demand(
    !sense.thumpSilenceSeconds || sense.thumpSilenceSeconds >= MIN_THUMP_SILENCE_SECONDS,
    'sense.thumpSilenceSeconds',
    `expected 0 or at least ${MIN_THUMP_SILENCE_SECONDS}, found ${sense.thumpSilenceSeconds}`,
  );
  demandAboveAlarm('quietHours.threshold', quietHours?.threshold);
  demand(
    !quietHours || quietHours.from !== quietHours.to,
    'quietHours.to',
    `expected another time than quietHours.from, found ${quietHours?.to}`,
  );
  demand(
    !(mqtt.password || mqtt.passwordFile) || !!mqtt.username,
    'mqtt.username',
    'expected a user, because there is a password; found nothing',
  );
  demand(
    !mqtt.certFile === !mqtt.keyFile,
    mqtt.certFile ? 'mqtt.keyFile' : 'mqtt.certFile',
    'expected certFile and keyFile together, found one',
  );
  demand(
    !web.enabled || LOOPBACK.test(web.host) || !!(web.password || web.passwordFile || web.trustedProxy),
    'web.password',
    `expected a password of 8 characters or more, because web.host is ${web.host}, which others reach; found nothing`,
  );
  for (const [id, choice] of Object.entries(sounds))
    demand(
      wantedSound(id, choice)?.success !== false,
      `sounds.${id}`,
      `expected classes: [...] or rhythm: T3 or T4, because only ${Object.keys(KNOWN_SOUNDS).join(', ')} have some of their own; found ${show(choice)}`,
    );
  for (const name of ['webhook', 'ntfy'] as const)
    demand(
      !(notify[`${name}Token`] || notify[`${name}TokenFile`]) ||
        !!(notify[`${name}Url`] || notify[`${name}UrlFile`]),
      `notify.${name}Url`,
      'expected an address, because there is a token for it; found nothing',
    );
  demand(
    notify.command?.[0] !== '',
    'notify.command',
    'expected a program and its arguments, found no program',
  );
  for (const key of ['caFile', 'certFile', 'keyFile', 'servername'] as const)
    demand(
      tls || !mqtt[key],
      `mqtt.${key}`,
      'expected an address of mqtts:// or wss:// with it, found one without TLS',
    );
  return problems;
}
