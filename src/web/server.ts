import type { Server } from 'node:http';
import { serve, upgradeWebSocket, type WebSocketServerLike } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import { type WebSocket, WebSocketServer } from 'ws';
import { messageOf } from '../errors.js';
import type { Clock, Logger } from '../types.js';
import { access, cookieOf, isOwnSite, refuse, sameOrigin } from './access.js';
import { api, session, type WebParts } from './api.js';
import type { Live } from './live.js';
import type { Metrics } from './metrics.js';
import { page } from './page.js';
import type { LiveMessage, Problem } from './schemas.js';
import { Sessions } from './sessions.js';
import { boundUpgrades } from './upgrades.js';

/** No command is longer. */
const MOST_BODY_BYTES = 4096;
const TOO_LONG: Problem = { code: 'too_long', problem: 'that is too long' };
const MOST_CONNECTIONS = 64;
/** A port that is taken is asked for again so often: the page is never worth an alarm. */
const RETRY_MS = 30_000;
/** A browser that answers no ping for so long is gone. */
const PING_MS = 30_000;

export interface WebOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  readonly password?: string | undefined;
  readonly trustedProxy?: string | undefined;
}

/** The API, the live stream, and what monitoring asks for. Everything is beside the way of an alarm. */
export class WebServer {
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MOST_BODY_BYTES });
  readonly #app: Hono;
  #server: Server | undefined;
  #cancel = () => {};

  constructor(
    private readonly options: WebOptions,
    parts: WebParts,
    live: Live,
    metrics: Metrics,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    this.#app = routes(options, parts, live, metrics, this.#sockets, clock);
  }

  /** Listens, or tries again until it can. */
  start(): void {
    const { host, port } = this.options;
    const server = serve(
      {
        fetch: this.#app.fetch,
        hostname: host,
        port,
        websocket: { server: this.#sockets as WebSocketServerLike },
      },
      ({ port: taken }) => this.log.info({ url: urlOf(host, taken) }, 'HTTP is answered at'),
    ) as Server;
    boundUpgrades(server);
    server.maxConnections = MOST_CONNECTIONS;
    server.requestTimeout = 10_000;
    server.on('error', (error) => {
      this.log.warn(
        { host, port, reason: messageOf(error) },
        'HTTP cannot be answered; everything else goes on. Set web.port to one that is free',
      );
      this.#cancel();
      this.#cancel = this.clock.after(RETRY_MS, () => this.start());
    });
    this.#server = server;
  }

  /** Lets go of every browser and of the port. */
  async stop(): Promise<void> {
    this.#cancel();
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close(); // and its pings end
    const server = this.#server;
    if (!server?.listening) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }
}

function routes(
  { password, trustedProxy }: WebOptions,
  parts: WebParts,
  live: Live,
  metrics: Metrics,
  sockets: WebSocketServer,
  clock: Clock,
): Hono {
  const sessions = password === undefined ? undefined : new Sessions(password, clock);
  const cookie = cookieOf(parts.deviceId);
  const app = new Hono();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        connectSrc: ["'self'"],
        manifestSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        workerSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'self'"], // as Home Assistant's ingress shows it
      },
      xFrameOptions: 'SAMEORIGIN',
      strictTransportSecurity: false, // behind a proxy that is its business
    }),
    bodyLimit({ maxSize: MOST_BODY_BYTES, onError: (context) => refuse(context, 400, TOO_LONG) }),
  );
  app.get('/healthz', (context) => {
    const ill = parts.illness();
    return ill.length === 0 ? context.text('ok\n') : context.text(`${ill.join('\n')}\n`, 503);
  });
  app.on('POST', '*', sameOrigin);
  app.on('DELETE', '*', sameOrigin);
  if (sessions) app.route('/api/session', session(sessions, cookie));
  const mayLook = access({ sessions, cookie, trustedProxy });
  app.use('/api/*', mayLook);
  app.get('/metrics', mayLook, async (context) =>
    context.body(await metrics.text(), 200, { 'content-type': metrics.contentType }),
  );
  app.get('/api/live', stream(parts, live, sockets));
  app.route('/api', api(parts, live));
  app.get('*', page());
  app.notFound((context) => refuse(context, 404, { code: 'not_found', problem: 'there is nothing here' }));
  return app;
}

/**
 * The live stream: how it is now, and then whatever is new; what was is asked for, by `api`. Who gets none is told so by the code of the
 * reason when it is closed: of a handshake that is refused a page learns nothing.
 */
function stream(parts: WebParts, live: Live, sockets: WebSocketServer) {
  const alive = new WeakSet<WebSocket>();
  const pings = setInterval(() => {
    for (const socket of sockets.clients) {
      if (!alive.delete(socket)) socket.terminate();
      else socket.ping();
    }
  }, PING_MS).unref();
  sockets.on('close', () => clearInterval(pings));
  return upgradeWebSocket((context) => {
    const own = isOwnSite(context);
    let leave: (() => void) | undefined;
    return {
      onOpen(_, { raw }) {
        const socket = raw as WebSocket;
        const turnAway = (code: 1008 | 1013, reason: Problem['code']) => socket.close(code, reason);
        if (!own) return turnAway(1008, 'other_site');
        alive.add(socket);
        socket.on('pong', () => alive.add(socket));
        const browser = {
          get waitingBytes() {
            return socket.bufferedAmount;
          },
          send: (text: string) => socket.send(text),
          greet: () =>
            socket.send(JSON.stringify({ type: 'hello', value: parts.status() } satisfies LiveMessage)),
        };
        leave = live.join(browser);
        if (!leave) turnAway(1013, 'too_many_browsers');
      },
      onClose: () => leave?.(),
      onError: () => leave?.(),
    };
  });
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}/`;
}
