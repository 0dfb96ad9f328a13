import { z } from 'zod';
import { type Config, configSchema, unwrap } from './schema.js';
import { IN_FILES, SECRETS } from './secrets.js';
import { KNOWN_SOUNDS, wantedSound } from './sections/sounds.js';
import { isTree, type Tree } from './tree.js';

export interface Problem {
  readonly path: string;
  readonly text: string;
}

/** In less, what falls along with somebody has not come to rest. */
const MIN_THUMP_SILENCE_SECONDS = 5;
const SECRET_KEYS: ReadonlySet<string> = new Set(Object.values(IN_FILES).flat());
/** Where only this machine itself can connect. */
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

/** One issue of zod in words, with what was found there. */
export function describe(issue: z.core.$ZodIssue, values: Tree): Problem[] {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      path: path === '' ? key : `${path}.${key}`,
      text: `unknown key; expected one of ${keysAt(issue.path).join(', ')}`,
    }));
  const found = issue.path.reduce<unknown>(
    (node, key) => (isTree(node) ? node[String(key)] : undefined),
    values,
  );
  const expected = issue.message.replace(/^.*?expected /, 'expected ').replace(/, received .*$/, '');
  return [{ path, text: `${expected}, found ${SECRETS.has(path) ? 'something else' : show(found)}` }];
}

function keysAt(path: readonly PropertyKey[]): string[] {
  const section = path.reduce<z.ZodType | undefined>((schema, key) => {
    const inner = schema && unwrap(schema);
    return inner instanceof z.ZodObject ? (inner.shape as Record<string, z.ZodType>)[String(key)] : undefined;
  }, configSchema);
  const inner = section && unwrap(section);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** A value in an error: never a password, nor what may be one in an address, well-formed or not. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value, (key, each: unknown) => {
    if (SECRET_KEYS.has(key)) return '***';
    return typeof each === 'string' ? each.replace(/^(.*?:\/\/)?.*@/s, '$1***@') : each;
  });
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Combinations that cannot work, each found before anything starts. */
export function contradictions(config: Config): Problem[] {
  const { input, alarm, sense, quietHours, sounds, mqtt, web, notify } = config;
  const problems: Problem[] = [];
  const demand = (holds: boolean, path: string, text: string) => {
    if (!holds) problems.push({ path, text });
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
  demand(
    (alarm.threshold ?? 0) <= (alarm.instantThreshold ?? 1),
    'alarm.instantThreshold',
    `expected at least alarm.threshold (${alarm.threshold}), found ${alarm.instantThreshold}`,
  );
  demand(
    (alarm.threshold ?? 0) <= (sense.waterThreshold ?? 1),
    'sense.waterThreshold',
    `expected at least alarm.threshold (${alarm.threshold}), found ${sense.waterThreshold}`,
  );
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
  demand(
    (alarm.threshold ?? 0) <= (quietHours?.threshold ?? 1),
    'quietHours.threshold',
    `expected at least alarm.threshold (${alarm.threshold}), found ${quietHours?.threshold}`,
  );
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
