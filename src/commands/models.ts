import { basename, join } from 'node:path';
import { MEL_BANDS, PATCH_FRAMES, SAMPLE_RATE_HZ, WINDOW_SAMPLES } from '../constants.js';
import { ExitCode, UserError } from '../errors.js';
import { createFrontEnd } from '../features/create-front-end.js';
import { readBundle, writeBundle } from '../model/bundle.js';
import type { EventManifest } from '../model/event-manifest.js';
import { importTflite } from '../model/import/import.js';
import { findBundle, listBundles, removeBundle } from '../model/shelf.js';
import { verifyOutputs } from '../model/verify.js';
import { configFrom, shelvesOf } from './flags.js';
import { printError } from './print.js';

/** A window that is not silent. */
const TEST_TONE = Float32Array.from(
  { length: WINDOW_SAMPLES },
  (_, i) => 0.5 * Math.sin((2 * Math.PI * 440 * i) / SAMPLE_RATE_HZ),
);

/** `models list`: name, version, heads and folder of every bundle; a damaged one is named and fails. */
export async function list(flags: { config?: string; json?: boolean }): Promise<ExitCode> {
  const shelves = shelvesOf(configFrom(flags));
  let exitCode: ExitCode = ExitCode.ok;
  for (const folder of await listBundles(shelves)) {
    try {
      const { manifest } = await readBundle(folder);
      const { name, version, frontEnd, description, licence, defaultHead, event } = manifest;
      const events = event && {
        kinds: event.kinds,
        alarm: event.alarm.kinds,
        falseAlarmsPerDay: perDay(event),
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
      const alarms = event ? `\n  ${eventLine(event)}` : '';
      console.log(
        `${name} ${version}  heads: ${headList}  ${frontEnd}\n  ${description}${alarms}\n  ${folder}`,
      );
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      printError(error);
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

function eventLine(event: EventManifest): string {
  const rates = Object.entries(perDay(event)).map(([name, rate]) => `${name} ${rate}`);
  return `alarms of ${event.alarm.kinds.join(', ')}; false ones a day by sensitivity: ${rates.join(', ')}`;
}

/** `models import FILE… --name NAME`: writes the bundle into the state folder, whole or not at all. */
export async function importModel(
  files: string[],
  flags: { config?: string; name: string; json?: boolean },
): Promise<ExitCode> {
  const shelves = shelvesOf(configFrom({ ...(flags.config && { config: flags.config }) }));
  const { manifest, tensors } = await importTflite(files, flags.name);
  const folder = join(shelves[0] as string, flags.name);
  await writeBundle(folder, manifest, tensors);
  // Read back what was written: it is verified before anyone relies on it.
  await readBundle(await findBundle(folder, shelves));
  announce(flags.name, Object.keys(manifest.heads), folder, flags.json);
  return ExitCode.ok;
}

/** A bundle that is there now. */
export function announce(name: string, heads: readonly string[], folder: string, json = false): void {
  console.log(
    json
      ? JSON.stringify({ name, heads, folder })
      : `${name}: ${heads.join(', ')} → ${folder}\nTry it: bathnet2mqtt classify FILE --model ${name}`,
  );
}

/**
 * `models verify [NAME…]`: reads and checks bundles – all there are when none is named – and runs one window
 * through each; a line per bundle.
 *
 * @returns bad data, if one is
 */
export async function verify(names: string[], flags: { config?: string; json?: boolean }): Promise<ExitCode> {
  const shelves = shelvesOf(configFrom(flags));
  const folders =
    names.length > 0
      ? await Promise.all(names.map((name) => findBundle(name, shelves)))
      : await listBundles(shelves);
  let exitCode: ExitCode = ExitCode.ok;
  for (const folder of folders) {
    const { problem, found } = await check(folder);
    if (problem !== undefined) exitCode = ExitCode.badData;
    if (flags.json) console.log(JSON.stringify({ name: basename(folder), folder, ok: !problem, problem }));
    else console.log(`${problem ? 'BAD' : 'ok '}  ${basename(folder)}: ${problem ?? found}`);
  }
  return exitCode;
}

/** What is wrong with a bundle, or what was found, in one line. */
async function check(folder: string): Promise<{ problem?: string; found?: string }> {
  try {
    const bundle = await readBundle(folder);
    const { version, frontEnd, weights, heads, event } = bundle.manifest;
    const parts = `heads ${Object.keys(heads).join(', ')}${event ? ' and event head' : ''}`;
    const mel = new Float32Array(PATCH_FRAMES * MEL_BANDS);
    createFrontEnd(frontEnd).compute(TEST_TONE, mel);
    const engine = await verifyOutputs(bundle, mel);
    return {
      found: `${version}, SHA-256 ${weights.sha256.slice(0, 12)}…, ${parts} run on ${engine}`,
    };
  } catch (error) {
    if (!(error instanceof UserError) || error.code === ExitCode.unavailable) throw error;
    return { problem: error.message.replaceAll(/\s*\n\s*/g, '; ') };
  }
}

/** `models remove NAME`: one of the person's own; the shipped ones stay. */
export async function remove(name: string, flags: { config?: string; json?: boolean }): Promise<ExitCode> {
  const shelves = shelvesOf(configFrom(flags));
  const folder = await removeBundle(name, shelves);
  if (flags.json) {
    console.log(JSON.stringify({ name, folder }));
    return ExitCode.ok;
  }
  console.log(`removed ${folder}`);
  const [next] = (await listBundles(shelves)).filter((folder) => basename(folder) === name);
  if (next) console.log(`"${name}" is now ${next}`);
  return ExitCode.ok;
}
