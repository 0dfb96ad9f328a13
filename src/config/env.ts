import { z } from 'zod';
import { configSchema, unwrap } from './schema.js';

export const ENV_PREFIX = 'BATHNET_';

/** `mqtt.passwordFile` → `BATHNET_MQTT__PASSWORD_FILE` */
export function envName(path: string): string {
  const snake = (part: string) => part.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  return ENV_PREFIX + path.split('.').map(snake).join('__');
}

/** The reverse of `envName`. */
export function pathOfEnv(name: string): string {
  const camel = (part: string) =>
    part.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const [section = '', ...keys] = name.slice(ENV_PREFIX.length).split('__');
  // A sound's id is no name of a key.
  const sound = section === 'SOUNDS' ? keys.shift() : undefined;
  return [camel(section), ...(sound ? [sound.toLowerCase()] : []), ...keys.map(camel)].join('.');
}

/** Text from the environment or a flag as the type that the schema has at that path; else as it is. */
export function fromText(path: string, text: string): unknown {
  let schema: z.ZodType | undefined = configSchema;
  for (const key of path.split('.')) {
    const inner: z.ZodType | undefined = schema && unwrap(schema);
    if (inner instanceof z.ZodObject) schema = (inner.shape as Record<string, z.ZodType>)[key];
    else schema = inner instanceof z.ZodRecord ? (inner.valueType as z.ZodType) : undefined;
  }
  const leaf = schema && unwrap(schema);
  // A number or a word, such as input.channel.
  const mayBeNumber = leaf instanceof z.ZodUnion && leaf.options.some((one) => one instanceof z.ZodNumber);
  if (leaf instanceof z.ZodNumber || mayBeNumber)
    return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
  // Switched on or off, or a section, such as a sound.
  const mayBeBoolean = leaf instanceof z.ZodUnion && leaf.options.some((one) => one instanceof z.ZodBoolean);
  if (leaf instanceof z.ZodBoolean || mayBeBoolean) {
    if (/^(true|yes|on|1)$/i.test(text)) return true;
    return /^(false|no|off|0)$/i.test(text) ? false : text;
  }
  // Written as in a file, since an empty variable counts as one that is not set.
  if (leaf instanceof z.ZodArray)
    return text.trim() === '[]' ? [] : text.split(',').map((part) => part.trim());
  return text;
}
