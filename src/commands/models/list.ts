import type { Command } from 'commander';
import { ExitCode, UserError } from '../../errors.js';
import { readBundle } from '../../model/bundle.js';
import type { EventManifest } from '../../model/event-manifest.js';
import { listBundles, withEvents } from '../../model/shelf.js';
import { int8Line } from '../support/calibration.js';
import { finish } from '../support/finish.js';
import { configFrom, shelvesOf } from '../support/flags.js';
import { withConfig } from '../support/options.js';
import { printError } from '../support/print.js';

export function define(command: Command): void {
  withConfig(command).option('--json', 'as JSON').action(finish(list));
}

/** `models list`: name, version, heads and folder of every bundle; a damaged one is named and fails. */
async function list(flags: { config?: string; json?: boolean }): Promise<ExitCode> {
  const shelves = shelvesOf(configFrom(flags));
  let exitCode: ExitCode = ExitCode.ok;
  for (const folder of await listBundles(shelves)) {
    try {
      const { manifest } = await withEvents(await readBundle(folder), shelves);
      const { name, version, frontEnd, description, licence, defaultHead, event, eventModel, quantization } =
        manifest;
      const events = event && {
        kinds: event.kinds,
        alarm: event.alarm.kinds,
        falseAlarmsPerDay: perDay(event),
        model: eventModel,
      };
      const heads = Object.entries(manifest.heads).map(([head, { labels }]) => ({
        head,
        labels: labels.length,
      }));
      if (flags.json) {
        console.log(
          JSON.stringify({
            name,
            version,
            frontEnd,
            heads,
            defaultHead,
            events,
            int8: quantization?.agreement,
            description,
            licence,
            folder,
          }),
        );
        continue;
      }
      const headList = heads
        .map(({ head, labels }) => `${head}${head === defaultHead ? '*' : ''} (${labels})`)
        .join(', ');
      const alarms = event ? `\n  ${eventLine(event, eventModel)}` : '';
      const int8 = quantization ? `\n  ${int8Line(quantization, manifest)}` : '';
      console.log(
        `${name} ${version}  heads: ${headList}  ${frontEnd}\n  ${description}${alarms}${int8}\n  ${folder}`,
      );
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      printError(error, true);
      exitCode ||= error.code;
    }
  }
  return exitCode;
}

/** By sensitivity. */
function perDay({ alarm }: EventManifest): Record<string, number> {
  return Object.fromEntries(
    Object.entries(alarm.sensitivities).map(([name, { falseAlarmsPerDay }]) => [name, falseAlarmsPerDay]),
  );
}

function eventLine(event: EventManifest, heardBy?: string): string {
  const rates = Object.entries(perDay(event)).map(([name, rate]) => `${name} ${rate}`);
  const by = heardBy === undefined ? '' : `, heard by ${heardBy} beside it`;
  return `alarms of ${event.alarm.kinds.join(', ')}${by}; false ones a day by sensitivity: ${rates.join(', ')}`;
}
