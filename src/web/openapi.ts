import { z } from 'zod';
import { VERSION } from '../constants.js';
import { cookieOf } from './access.js';
import {
  commandBody,
  entryWithPictureSchema,
  historySchema,
  liveSchema,
  problemSchema,
  sessionBody,
  statusSchema,
  verdictBody,
  windowsSchema,
} from './schemas.js';

const SCHEMAS = {
  Command: commandBody,
  Verdict: verdictBody,
  Session: sessionBody,
  Problem: problemSchema,
  Status: statusSchema,
  History: historySchema,
  Entry: entryWithPictureSchema,
  Windows: windowsSchema,
  Live: liveSchema,
};

type SchemaName = keyof typeof SCHEMAS;

const json = (name: SchemaName) => ({
  content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
});
const text = { content: { 'text/plain': { schema: { type: 'string' } } } };
const answer = (description: string, name: SchemaName) => ({ description, ...json(name) });
const body = (name: SchemaName) => ({ required: true, ...json(name) });
const parameter = (name: string, description: string) => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: { type: 'string' },
});

const ID = parameter('id', "The alarm's episode, or the event where it belongs to none.");
const DONE = { description: 'Done.' };
const REFUSED = answer('Refused, and why.', 'Problem');
const NO_PASSWORD = answer('No password is asked for.', 'Problem');
/** Whatever is behind the password. */
const CLOSED = {
  401: answer('Log in first.', 'Problem'),
  403: answer('Asked for by another site.', 'Problem'),
};

const PATHS = {
  '/healthz': {
    get: {
      summary:
        'Whether sound is analysed, the engine answers and events are on the disk, of all microphones of the process',
      security: [],
      responses: {
        200: { description: 'They are.', ...text },
        503: { description: 'Something is not: a line for each.', ...text },
      },
    },
  },
  '/metrics': {
    get: {
      summary: 'Everything of health, for Prometheus',
      responses: { 200: { description: "Prometheus' text format.", ...text }, ...CLOSED },
    },
  },
  '/api/status': {
    get: { summary: 'How it is now', responses: { 200: answer('How it is now.', 'Status'), ...CLOSED } },
  },
  '/api/windows': {
    get: {
      summary: 'What was heard in the last half minute',
      responses: { 200: answer('Oldest first.', 'Windows'), ...CLOSED },
    },
  },
  '/api/events': {
    get: { summary: 'What was', responses: { 200: answer('Newest first.', 'History'), ...CLOSED } },
  },
  '/api/events/{id}': {
    get: {
      summary: 'One alarm or fault, with the picture of its sound',
      parameters: [ID],
      responses: {
        200: answer('All that is known of it.', 'Entry'),
        ...CLOSED,
        404: answer('There is none.', 'Problem'),
      },
    },
  },
  '/api/events/{id}/verdict': {
    post: {
      summary: 'Says whether it was a real alarm',
      description: 'Of the last 20 alarms since the start.',
      parameters: [ID],
      requestBody: body('Verdict'),
      responses: { 204: DONE, 400: REFUSED, ...CLOSED },
    },
  },
  '/api/commands/{name}': {
    post: {
      summary: 'A command, as on MQTT',
      parameters: [parameter('name', 'Of `<prefix>/<device>/<name>/set`: enabled, acknowledge, …')],
      requestBody: body('Command'),
      responses: { 204: DONE, 400: REFUSED, ...CLOSED },
    },
  },
  '/api/session': {
    post: {
      summary: 'Logs in',
      security: [],
      requestBody: body('Session'),
      responses: {
        204: { description: 'The answer sets the cookie.' },
        400: REFUSED,
        401: answer('That is not the password.', 'Problem'),
        403: CLOSED[403],
        404: NO_PASSWORD,
        429: {
          ...answer('Too many wrong passwords.', 'Problem'),
          headers: { 'retry-after': { description: 'Seconds.', schema: { type: 'integer' } } },
        },
      },
    },
    delete: {
      summary: 'Logs out',
      security: [],
      responses: { 204: DONE, 403: CLOSED[403], 404: NO_PASSWORD },
    },
  },
  '/api/live': {
    get: {
      summary: 'The live stream, a WebSocket',
      description:
        'Each of its messages is a `Live`: `hello` first, which says how it is now, then what is new. Who wants to know what was asks for `/api/events` and `/api/windows` after `hello`, and misses nothing.',
      responses: {
        101: { description: 'The stream begins.' },
        ...CLOSED,
        404: answer('No WebSocket was asked for.', 'Problem'),
      },
    },
  },
};

/** The API as OpenAPI 3.1 has it: docs/openapi.json. */
export function openApi(): string {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(SCHEMAS)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}` });
  const bare = Object.entries(schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]);
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'bathnet2mqtt',
      version: VERSION,
      description: 'What is heard, what was, and what it can be told. See docs/http.md.',
    },
    servers: [{ url: '/' }],
    security: [{ cookie: [] }, { basic: [] }],
    paths: PATHS,
    components: {
      schemas: Object.fromEntries(bare),
      securitySchemes: {
        cookie: { type: 'apiKey', in: 'cookie', name: cookieOf('<device>') },
        basic: { type: 'http', scheme: 'basic', description: 'Any user, and the password.' },
      },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
