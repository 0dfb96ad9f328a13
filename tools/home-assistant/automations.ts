import { readFileSync } from 'node:fs';
import type { Api } from './api.js';

/** As somebody does who has the file: it is stored, and Home Assistant has to find it right. */
export async function importBlueprint(api: Api, file: string): Promise<void> {
  const yaml = readFileSync(new URL(`../../config/homeassistant/${file}`, import.meta.url), 'utf8');
  const path = `bathnet2mqtt/${file}`;
  await api.command({ type: 'blueprint/save', domain: 'automation', path, yaml });
  const listed = await api.command<Record<string, { error?: string }>>({
    type: 'blueprint/list',
    domain: 'automation',
  });
  const found = listed[path];
  if (found === undefined || found.error !== undefined)
    throw new Error(`${file}: ${JSON.stringify(found ?? Object.keys(listed))}`);
}

/** Saved as the automation editor does it, which checks it. */
export async function addAutomation(api: Api, id: string, automation: object): Promise<void> {
  await api.post(`/api/config/automation/config/${id}`, { alias: id, ...automation });
}
