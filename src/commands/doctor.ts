import type { Command } from 'commander';
import { ExitCode, UserError } from '../errors.js';
import { createLog } from '../system/log.js';
import {
  checkBroker,
  checkDetection,
  checkDiscovery,
  checkModel,
  checkNode,
  checkQuietHours,
  type Finding,
} from './doctor/checks.js';
import { checkInput } from './doctor/microphone.js';
import { checkSounds } from './doctor/sounds.js';
import { checkTopics } from './doctor/topics.js';
import { deviceIdOf } from './support/broker.js';
import { painter } from './support/colour.js';
import { finish } from './support/finish.js';
import { type ConfigFlags, configFrom } from './support/flags.js';
import { withInput } from './support/options.js';

export function define(command: Command): void {
  withInput(command).option('--json', 'all checks as one JSON object').action(finish(doctor));
}

/** One line of the report. */
interface Checked {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  readonly hint?: string;
}

/**
 * `doctor`: checks every part that the daemon needs and says what to do about each that fails. It changes
 * nothing: what it publishes is what lies there anyway, and a running daemon is not disturbed.
 *
 * @returns the exit code of the first failure
 */
async function doctor(flags: ConfigFlags & { readonly json?: boolean }): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.ok;
  const checks: Checked[] = [];
  const note = (checked: Checked) => {
    checks.push(checked);
    if (!flags.json) console.log(asText(checked));
  };
  const check = async <T extends Finding>(
    name: string,
    action: () => Promise<T> | T,
  ): Promise<T | undefined> => {
    try {
      const finding = await action();
      const { text: detail, hint } = finding;
      note({ name, status: hint ? 'warn' : 'ok', detail, ...(hint && { hint }) });
      return finding;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      note({ name, status: 'fail', detail: error.message, hint: error.hint });
      exitCode ||= error.code;
      return undefined;
    }
  };

  await check('node', checkNode);
  const configured = await check('configuration', () => ({ text: 'valid', config: configFrom(flags) }));
  if (configured) {
    const { config } = configured;
    const log = await createLog({ ...config.log, level: flags.logLevel ?? 'error' });
    const { quietHours } = config;
    if (quietHours) await check('quiet hours', () => checkQuietHours(quietHours));
    const deviceId = await deviceIdOf(config, log);
    const model = await check('model', () => checkModel(config));
    if (model) await check('detection', () => checkDetection(config, deviceId, model.rule, log));
    const microphone = await check('microphone', () => checkInput(config, log));
    if (model) await check('sounds', () => checkSounds(config, deviceId, model, microphone?.sound, log));
    const broker = await check('broker', () => checkBroker(config));
    if (broker) {
      if (config.discovery.enabled)
        await check('discovery', () => checkDiscovery(config, broker.client, deviceId));
      await check('topics', () => checkTopics(config, broker, deviceId));
    }
    await broker?.client.endAsync(true);
  }
  if (flags.json) console.log(JSON.stringify({ ok: exitCode === ExitCode.ok, checks }));
  return exitCode;
}

const WORDS = {
  ok: { word: 'ok  ', colour: 'green' },
  warn: { word: 'note', colour: 'yellow' },
  fail: { word: 'FAIL', colour: 'red' },
} as const;

function asText({ name, status, detail, hint }: Checked): string {
  const paint = painter(process.stdout);
  const { word, colour } = WORDS[status];
  const line = `${paint(word, 'bold', colour)}  ${paint(name, 'bold')}: ${detail}`;
  return hint ? `${line}\n      → ${hint}` : line;
}
