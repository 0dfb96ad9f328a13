import type { Command } from 'commander';
import { startDevices } from '../daemons.js';
import { ExitCode } from '../errors.js';
import { keepHeapSmall } from '../system/heap.js';
import { createLog } from '../system/log.js';
import { Reloading } from './run/reloading.js';
import { finish } from './support/finish.js';
import type { ConfigFlags } from './support/flags.js';
import { untilStopped } from './support/interrupt.js';
import { speed, withInput } from './support/options.js';
import { createScreen, isTerminal } from './support/screen.js';

/** A window comes twice a second; a little later something is wrong. */
const SILENT_AFTER_MS = 3000;

/** So long the log may take to be read to its end, once all is stopped. */
const LAST_WORDS_MS = 1000;

export function define(command: Command): void {
  withInput(command)
    .addOption(speed())
    .option('--loop', 'play a file again and again')
    .option('--reset-settings', 'forget what was set over MQTT: the configuration holds again')
    .action(finish(run));
}

/**
 * `run`: the daemon, until a file ends or a signal comes. Who starts it on a terminal sees what it hears. Without a
 * terminal that could be closed, SIGHUP reloads the configuration; so `nohup` holds, too.
 */
async function run(flags: ConfigFlags & { resetSettings?: boolean }): Promise<ExitCode> {
  keepHeapSmall();
  const screen = isWatched()
    ? createScreen(process.stderr, { time: 'day', silentAfterMs: SILENT_AFTER_MS })
    : undefined;
  const reloading = new Reloading(flags);
  const onHangUp = hasTerminal() ? undefined : () => reloading.reread();
  const ignore = () => {}; // also between the end of one and the start of the next
  if (onHangUp) process.on('SIGHUP', ignore);
  try {
    for (let { resetSettings } = flags; ; resetSettings = false) {
      const { configs } = reloading;
      const log = await createLog(configs[0].log, screen?.writable);
      reloading.log = log;
      const onlooker = (i: number) => (i === 0 ? screen : undefined);
      const rooms = configs.map((config, i) => ({ config, log, resetSettings, onlooker: onlooker(i) }));
      const start = () => reloading.start(() => startDevices(rooms));
      const ended = await untilStopped(start, onHangUp).catch((error) => reloading.recover(error));
      if (ended?.asked || !reloading.next()) return ExitCode.ok;
    }
  } finally {
    process.off('SIGHUP', ignore);
    screen?.close();
    // What still waits for a reader or a disk that does not come must not hold the process.
    setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
  }
}

/** A service is not, even where systemd gives it a terminal. */
function isWatched(): boolean {
  return isTerminal(process.stdout) && isTerminal(process.stderr) && !process.env.NOTIFY_SOCKET;
}

/** One that can be closed: then SIGHUP means the end. */
function hasTerminal(): boolean {
  const streams = [process.stdin, process.stdout, process.stderr];
  return streams.some((stream) => stream.isTTY) && !process.env.NOTIFY_SOCKET;
}
