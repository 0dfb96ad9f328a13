export interface Answer<T = unknown> {
  /** 0: there is nobody. */
  readonly status: number;
  readonly value?: T;
  /** Why not. */
  readonly problem?: string;
}

/** Where something is: below the page, whatever path a proxy has given that. */
export const path = (name: string) => new URL(name, document.baseURI).href;

/** Asks the daemon; never throws. */
export async function ask<T>(method: string, name: string, body?: unknown): Promise<Answer<T>> {
  const json = { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  try {
    const response = await fetch(path(name), { method, ...(body !== undefined && json) });
    const { status, ok } = response;
    const value = status === 204 ? undefined : await response.json();
    return ok ? { status, value } : { status, problem: value?.problem };
  } catch {
    return { status: 0 };
  }
}

/** As a message on `<base>/<name>/set`. */
export const command = (name: string, value: string) => ask('POST', `api/commands/${name}`, { value });
