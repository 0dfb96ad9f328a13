import { type Context, Hono } from 'hono';
import { compress } from 'hono/compress';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { Denial } from '../types.js';
import { addressOf, refuse } from './access.js';
import type { Live } from './live.js';
import {
  commandBody,
  type Entry,
  type EntryWithPicture,
  type Status,
  sessionBody,
  type Verdict,
  verdictBody,
} from './schemas.js';
import type { Sessions } from './sessions.js';

/** Seconds: a year; the session itself ends earlier where nobody looks. */
const COOKIE_SECONDS = 365 * 86_400;

/** What the page sees of the daemon, and may tell it. */
export interface WebParts {
  readonly deviceId: string;
  status(): Status;
  /** Newest first. */
  history(): Entry[];
  /** Why nobody is listened to, or an alarm would not survive; empty where all is well. */
  illness(): readonly string[];
  entry(id: string): EntryWithPicture | undefined;
  /** As a message on `<prefix>/<device>/<name>/set`. @returns why not */
  command(name: string, text: string): Denial | undefined;
  /** @returns why not */
  judge(id: string, verdict: Verdict): Denial | undefined;
}

/**
 * Logging in and out.
 *
 * @param cookie its name
 */
export function session(sessions: Sessions, cookie: string): Hono {
  const app = new Hono();
  app.post('/', async (context) => {
    const body = sessionBody.safeParse(await context.req.json().catch(() => undefined));
    if (!body.success) return malformed(context, '{"password": "…"}');
    const address = addressOf(context);
    const token = sessions.logIn(body.data.password, address);
    if (token === undefined) {
      const waitSeconds = sessions.waitSeconds(address);
      if (waitSeconds === 0)
        return refuse(context, 401, { code: 'wrong_password', problem: 'that is not the password' });
      context.header('retry-after', String(waitSeconds));
      const problem = `too many wrong passwords: try again in ${waitSeconds} s`;
      return refuse(context, 429, { code: 'too_many_tries', problem, waitSeconds });
    }
    setCookie(context, cookie, token, {
      path: '/',
      httpOnly: true,
      sameSite: 'Strict',
      maxAge: COOKIE_SECONDS,
    });
    return context.body(null, 204);
  });
  app.delete('/', (context) => {
    sessions.logOut(getCookie(context, cookie));
    deleteCookie(context, cookie, { path: '/' });
    return context.body(null, 204);
  });
  return app;
}

/** What is, what was, and what it is told. What was is long, and compressed a fifth of that. */
export function api(parts: WebParts, live: Pick<Live, 'remembered'>): Hono {
  const app = new Hono();
  app.use(compress({ encoding: 'gzip' }), async (context, next) => {
    await next();
    context.header('cache-control', 'no-store');
  });
  app.get('/status', (context) => context.json(parts.status()));
  app.get('/windows', (context) => context.json(live.remembered));
  app.get('/events', (context) => context.json(parts.history()));
  app.get('/events/:id', (context) => {
    const entry = parts.entry(context.req.param('id'));
    return entry
      ? context.json(entry)
      : refuse(context, 404, { code: 'no_such_event', problem: 'there is no such event' });
  });
  app.post('/events/:id/verdict', async (context) => {
    const body = verdictBody.safeParse(await context.req.json().catch(() => undefined));
    if (!body.success) return malformed(context, '{"verdict": "false_alarm"} or "real_alarm"');
    return done(context, parts.judge(context.req.param('id'), body.data.verdict));
  });
  app.post('/commands/:name', async (context) => {
    const body = commandBody.safeParse(await context.req.json().catch(() => undefined));
    if (!body.success) return malformed(context, '{"value": "…"}, a text as MQTT would have it');
    return done(context, parts.command(context.req.param('name'), body.data.value));
  });
  return app;
}

const malformed = (context: Context, expected: string) =>
  refuse(context, 400, { code: 'malformed', problem: `expected ${expected}` });

/** @param denial left out where it is done */
const done = (context: Context, denial: Denial | undefined) =>
  denial ? refuse(context, 400, denial) : context.body(null, 204);
