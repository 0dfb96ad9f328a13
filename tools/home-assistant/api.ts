import { once } from 'node:events';
import { WebSocket } from 'ws';

const CLIENT = 'http://127.0.0.1/';
const USER = { username: 'test', password: 'a good one' };

export interface State {
  readonly entity_id: string;
  readonly state: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly last_changed: string;
}

/** Home Assistant's REST and WebSocket API, as its own page uses them. */
export class Api {
  /** Of its WebSocket commands, the last one's number. */
  #id = 0;
  #socket: WebSocket | undefined;

  /** @param token undefined before somebody lives there */
  constructor(
    readonly url: string,
    private readonly token?: string,
  ) {}

  /** Makes the first user and answers all that Home Assistant asks at its first start. */
  static async onboard(url: string): Promise<Api> {
    const stranger = new Api(url);
    const user = { ...USER, name: 'Test', client_id: CLIENT, language: 'en' };
    const { auth_code } = await stranger.post<{ auth_code: string }>('/api/onboarding/users', user);
    const tokens = await stranger.send('/auth/token', {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'authorization_code', code: auth_code, client_id: CLIENT }),
    });
    const short = new Api(url, (tokens as { access_token: string }).access_token);
    await short.post('/api/onboarding/core_config', {});
    await short.post('/api/onboarding/analytics', {});
    await short.post('/api/onboarding/integration', { client_id: CLIENT, redirect_uri: CLIENT });
    // Where it listens counts as tried: what nobody confirms is taken back after five minutes.
    await short.command({ type: 'http/config/promote' });
    const asked = { type: 'auth/long_lived_access_token', client_name: 'tests', lifespan: 1 };
    const token = await short.command<string>(asked);
    short.close();
    return new Api(url, token);
  }

  get<T>(path: string): Promise<T> {
    return this.send(path, {}) as Promise<T>;
  }

  post<T>(path: string, body: object): Promise<T> {
    const headers = { 'content-type': 'application/json' };
    return this.send(path, { method: 'POST', headers, body: JSON.stringify(body) }) as Promise<T>;
  }

  /** @throws Error with what Home Assistant says of it, where that is not a success */
  async send(path: string, { headers, ...init }: RequestInit): Promise<unknown> {
    const authorized = this.token === undefined ? {} : { authorization: `Bearer ${this.token}` };
    const response = await fetch(this.url + path, { ...init, headers: { ...headers, ...authorized } });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** A command of the WebSocket API (https://developers.home-assistant.io/docs/api/websocket). */
  async command<T>(command: { readonly type: string; readonly [key: string]: unknown }): Promise<T> {
    this.#socket ??= await this.#connect();
    const id = ++this.#id;
    const answer = answerTo(this.#socket, id);
    this.#socket.send(JSON.stringify({ id, ...command }));
    const { success, result, error } = await answer;
    if (!success) throw new Error(`${JSON.stringify(command)}: ${JSON.stringify(error)}`);
    return result as T;
  }

  states(): Promise<State[]> {
    return this.get('/api/states');
  }

  /** @returns undefined where there is no such entity */
  async state(entity: string): Promise<State | undefined> {
    return (await this.states()).find(({ entity_id }) => entity_id === entity);
  }

  /** Performs an action: `number.set_value`. */
  async act(action: string, data: object): Promise<void> {
    await this.post(`/api/services/${action.replace('.', '/')}`, data);
  }

  /** What its page keeps of a sign-in, as JSON. */
  pageTokens(): string {
    const lasts = { expires_in: 86_400, expires: Date.now() + 86_400_000 };
    const tokens = { access_token: this.token, token_type: 'Bearer', refresh_token: '', ...lasts };
    return JSON.stringify({ ...tokens, hassUrl: this.url, clientId: CLIENT });
  }

  close(): void {
    this.#socket?.terminate();
    this.#socket = undefined;
  }

  async #connect(): Promise<WebSocket> {
    const socket = new WebSocket(`${this.url.replace('http', 'ws')}/api/websocket`);
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
    await once(socket, 'message'); // auth_required
    socket.send(JSON.stringify({ type: 'auth', access_token: this.token }));
    const [said] = await once(socket, 'message');
    if (JSON.parse(String(said)).type !== 'auth_ok') throw new Error(`not let in: ${said}`);
    return socket;
  }
}

interface Answer {
  readonly success: boolean;
  readonly result?: unknown;
  readonly error?: unknown;
}

function answerTo(socket: WebSocket, id: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const closed = () => reject(new Error('Home Assistant has hung up'));
    const heard = (data: unknown) => {
      const message = JSON.parse(String(data));
      if (message.id !== id || message.type !== 'result') return;
      socket.off('message', heard).off('close', closed);
      resolve(message);
    };
    socket.on('message', heard).on('close', closed);
  });
}
