import { stringify } from 'yaml';
import { z } from 'zod';
import { envName } from './env.js';
import { configSchema, unwrap } from './schema.js';

/** `config/default.yaml`: every key with what it does, its environment variable and its default. */
export function defaultYaml(): string {
  const lines = [
    '# yaml-language-server: $schema=./schema.json',
    '# Generated from src/config/ by "npm run generate". Every key is shown with its default;',
    '# a key in a comment has none of its own. What is not set here may be left out.',
    '# Later ones win: this file, .env, environment variables, command line.',
  ];
  for (const [name, schema] of Object.entries(configSchema.shape)) {
    const section = unwrap(schema);
    lines.push('');
    if (!(section instanceof z.ZodObject)) {
      lines.push(...keyLines(name, name, schema, ''));
      continue;
    }
    lines.push(`# ${schema.description}`, `${name}:`);
    for (const [key, value] of Object.entries(section.shape as Record<string, z.ZodType>))
      lines.push(...keyLines(key, `${name}.${key}`, value, '  '));
  }
  return `${lines.join('\n')}\n`;
}

/** The same as a JSON Schema, for editors. */
export function configJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(configSchema, { io: 'input' }), null, 2)}\n`;
}

function keyLines(key: string, path: string, schema: z.ZodType, indent: string): string[] {
  const fallback = schema.safeParse(undefined).data;
  const assignment =
    fallback === undefined
      ? `# ${key}:`
      : `${key}: ${stringify(fallback, { collectionStyle: 'flow' }).trim()}`;
  return [`${indent}# ${schema.description} [${envName(path)}]`, `${indent}${assignment}`];
}
