import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie } from 'hono/cookie';
import type { Problem } from './schemas.js';
import type { Sessions } from './sessions.js';

/** Cookies know no port: several microphones of one host would log one another out by one of the same name. */
export const cookieOf = (deviceId: string) => `bathnet2mqtt-${deviceId}`;

export interface AccessOptions {
  /** Left out: whoever can connect may look. */
  readonly sessions: Sessions | undefined;
  /** Its name. */
  readonly cookie: string;
  /** Address of a proxy that has asked already. */
  readonly trustedProxy: string | undefined;
}

/**
 * Lets in who has logged in, whoever comes over the trusted proxy, and a program that brings the password (HTTP
 * Basic). Where there is no password, a page of another name is refused: a site in the same browser may have let its
 * own name point here (DNS rebinding).
 */
export function access({ sessions, cookie, trustedProxy }: AccessOptions): MiddlewareHandler {
  return async (context, next) => {
    if (fromProxy(context, trustedProxy)) return next();
    if (!sessions) {
      if (trustedProxy !== undefined)
        return refuse(context, 403, { code: 'only_over_proxy', problem: 'only over the trusted proxy' });
      if (isOwnName(context.req.header('host'))) return next();
      const problem = 'open it by its address, or set web.password';
      return refuse(context, 403, { code: 'unknown_name', problem });
    }
    if (sessions.knows(getCookie(context, cookie)) || bringsPassword(context, sessions)) return next();
    return refuse(context, 401, { code: 'log_in_first', problem: 'log in first' });
  };
}

/** Not what another site's page asks for in the name of whoever is logged in; programs say no origin. */
export function isOwnSite(context: Context): boolean {
  const site = context.req.header('sec-fetch-site');
  const origin = context.req.header('origin');
  const host = context.req.header('x-forwarded-host') ?? context.req.header('host');
  return site === undefined ? origin === undefined || hostOf(origin) === host : site === 'same-origin';
}

export const sameOrigin: MiddlewareHandler = async (context, next) =>
  isOwnSite(context)
    ? next()
    : refuse(context, 403, { code: 'other_site', problem: 'asked for by another site' });

export function refuse(
  context: Context,
  status: 400 | 401 | 403 | 404 | 429 | 503,
  denial: Problem,
): Response {
  return context.json(denial, status);
}

/** Of whoever asks; an IPv4 one also where IPv6 has it, as ::ffff:172.30.32.2. */
export function addressOf(context: Context): string {
  return getConnInfo(context).remote.address?.replace(/^::ffff:/, '') ?? '';
}

function fromProxy(context: Context, trustedProxy: string | undefined): boolean {
  return trustedProxy !== undefined && addressOf(context) === trustedProxy;
}

function bringsPassword(context: Context, sessions: Sessions): boolean {
  const given = /^Basic ([\w+/=]{1,2000})$/i.exec(context.req.header('authorization') ?? '')?.[1];
  if (given === undefined) return false;
  const [, password] = /^[^:]*:(.*)$/s.exec(Buffer.from(given, 'base64').toString()) ?? [];
  return password !== undefined && sessions.is(password, addressOf(context));
}

/** Names that nobody else can have pointed here. */
function isOwnName(host: string | undefined): boolean {
  const name = (host ?? '')
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return (
    isIP(name) !== 0 || name === 'localhost' || name === hostname().toLowerCase() || name.endsWith('.local')
  );
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
