import { parse } from 'yaml';
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
    const inner: z.ZodType | undefined = schema && section(unwrap(schema));
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
    if (/^(false|no|off|0)$/i.test(text)) return false;
    return asInFile(text) ?? text;
  }
  if (leaf instanceof z.ZodObject || leaf instanceof z.ZodRecord) return asInFile(text) ?? text;
  if (leaf instanceof z.ZodArray) return asInFile(text) ?? text.split(',').map((part) => part.trim());
  return text;
}

/** The section that a union allows beside its short forms, such as true. */
function section(schema: z.ZodType): z.ZodType {
  if (!(schema instanceof z.ZodUnion)) return schema;
  return (schema.options as z.ZodType[]).find((one) => one instanceof z.ZodObject) ?? schema;
}

/** A list or a section where it is written as one: [Dog, "Smoke detector, smoke alarm"], {threshold: 0.3}. */
function asInFile(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return parse(text);
  } catch {
    return undefined; // and what is expected there will be said
  }
}
