import type { Problem } from '../schemas.js';
import { link } from './link.js';
import { t } from './texts.js';

/** Whoever says nothing for so long says nothing any more. */
const PATIENCE_MS = 30_000;

export interface Answer<T = unknown> {
  /** 0: there is nobody. */
  readonly status: number;
  readonly value?: T;
  /** Left out where it is done, and where nobody says why not. */
  readonly denial?: Problem;
}

/** Where something is: below the page, whatever path a proxy has given that. */
export const path = (name: string) => new URL(name, document.baseURI).href;

/** Asks the daemon, and for the password where it wants one; never throws. */
export async function ask<T>(method: string, name: string, body?: unknown): Promise<Answer<T>> {
  const json = { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(path(name), { method, signal, ...(body !== undefined && json) });
    const { status, ok } = response;
    if (status === 401) link.value = 'login';
    const value = status === 204 ? undefined : await response.json();
    return ok ? { status, value } : { status, denial: value };
  } catch {
    return { status: 0 };
  }
}

/** As a message on `<base>/<name>/set`. */
export const command = (name: string, value: string) => ask('POST', `api/commands/${name}`, { value });

/**
 * Why it is not done, in the words of the reader; those of the daemon where a language has none. Nothing where it is
 * done, or no answer has come.
 */
export function whyNot(answer: Answer | undefined): string {
  if (!answer || answer.status === 204) return '';
  const { denial } = answer;
  const { denials, control } = t();
  if (!denial?.problem) return control.failed;
  const text = Object.hasOwn(denials, denial.code) ? denials[denial.code] : denial.problem;
  return typeof text === 'string' ? text : text(denial.waitSeconds ?? 0);
}
