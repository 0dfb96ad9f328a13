import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  connect,
  getDefaultAutoSelectFamilyAttemptTimeout,
  type Socket,
  setDefaultAutoSelectFamilyAttemptTimeout,
} from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { ADDRESS_MS, giveAddressesTime, lookupOnce } from '../../src/system/addresses.js';
import { Program } from '../support/daemon.js';

const SERVER = `
  require('node:net').createServer(() => {}).listen({ host: '127.0.0.1', port: 0, backlog: 1 }, function () {
    console.log(this.address().port);
  });
`;
/** A packet that nobody takes is sent again after 1 s; meanwhile it is taken. */
const BUSY_MS = 500;

const before = getDefaultAutoSelectFamilyAttemptTimeout();
const sockets: Socket[] = [];
let server: ChildProcess | undefined;
afterEach(() => {
  setDefaultAutoSelectFamilyAttemptTimeout(before);
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.kill('SIGKILL');
});

/** Connects to a host with two addresses, of which the second leads nowhere. */
function reach(port: number): Socket {
  const addresses = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  const socket = connect({
    host: 'both',
    port,
    lookup: (_host, _options, callback) => callback(null, addresses),
  });
  sockets.push(socket);
  return socket;
}

/** A server that takes no connection before it is told to go on. */
async function startBusyServer(): Promise<number> {
  server = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(server.stdout!, 'data');
  server.kill('SIGSTOP');
  for (let taken = true; taken; ) {
    const socket = connect({ host: '127.0.0.1', port: Number(port) });
    sockets.push(socket);
    taken = await Promise.race([once(socket, 'connect').then(() => true), sleep(300, false)]);
  }
  return Number(port);
}

it('a server on a slow line is reached although its other address leads nowhere', async () => {
  giveAddressesTime();
  const socket = reach(await startBusyServer());
  setTimeout(() => server?.kill('SIGCONT'), BUSY_MS);
  await once(socket, 'connect');
  expect(socket.remoteAddress).toBe('127.0.0.1');
});

it('every address has time in the whole program', async () => {
  const says =
    "import { getDefaultAutoSelectFamilyAttemptTimeout as ms } from 'node:net'; process.on('exit', () => console.log(ms()))";
  const hook = `--import=data:text/javascript,${encodeURIComponent(says)}`;
  const { stdout } = await new Program(['--version'], { NODE_OPTIONS: hook }).ended;
  expect(stdout.trim().split('\n').at(-1)).toBe(String(ADDRESS_MS));
});

it('a name is looked up once at a time, however often it is asked for while the resolver hangs, and others beside it', async () => {
  type Resolve = Parameters<typeof lookupOnce>[0];
  const asked: { host: string; answer: Parameters<Resolve>[2] }[] = [];
  const lookup = lookupOnce((host, _options, answer) => void asked.push({ host, answer }), 100);
  const ask = (host: string, family = 0) =>
    new Promise((resolve) =>
      lookup(host, { all: true, family }, (error, addresses) => resolve(error?.code ?? addresses)),
    );
  const early = [ask('host'), ask('host')];
  expect(await Promise.all(early)).toEqual(['EAI_AGAIN', 'EAI_AGAIN']);
  const late = [ask('host'), ask('host'), ask('other'), ask('host', 6)];
  expect(asked.map(({ host }) => host)).toEqual(['host', 'other', 'host']);
  const addresses = [{ address: '127.0.0.1', family: 4 }];
  for (const { answer } of asked) answer(null, addresses);
  expect(await Promise.all(late)).toEqual([addresses, addresses, addresses, addresses]);
  void ask('host');
  expect(asked).toHaveLength(4);
});
