import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { configFrom } from '../../../dist/commands/support/flags.js';
import { envName } from '../../../dist/config/env.js';
import { loadConfig } from '../../../dist/config/load.js';
import { brokerAddress, DEFAULT_TIMING } from '../../../dist/publish/options.js';
import { topicsOf } from '../../../dist/publish/topics.js';
import { below, mutateJson, mutateJsonText, mutateText, pick } from '../mutate.mjs';

const DEFAULTS = readFileSync(new URL('../../../config/default.yaml', import.meta.url), 'utf8');

/** A file of configuration, the environment, `.env` and --set, one of them damaged; and what an accepted one leads to. */
export function start() {
  const folder = mkdtempSync(join(tmpdir(), 'bathnet-fuzz-config-'));
  const file = join(folder, 'config.yaml');
  const tree = parse(DEFAULTS);
  // Without its comments: they are most of the file, and nobody reads them.
  const yaml = stringify(tree);
  const paths = pathsIn(tree);
  const env = Object.fromEntries(paths.map(([path, value]) => [envName(path), String(value)]));
  const assignments = paths.map(([path, value]) => `${path}=${value}`);

  return {
    input(random) {
      const some = (values) => Array.from({ length: 1 + below(random, 3) }, () => pick(random, values));
      const part = below(random, 8);
      if (part < 3) return JSON.stringify({ text: mutateText(random, yaml) });
      if (part < 5) return JSON.stringify({ text: mutateJsonText(random, tree) }); // YAML, too
      if (part < 6)
        return JSON.stringify({ env: mutateJson(random, Object.fromEntries(some(Object.entries(env)))) });
      const lines = Object.entries(env).map(([key, value]) => `${key}=${value}`);
      if (part < 7) return JSON.stringify({ dotenv: mutateText(random, some(lines).join('\n')) });
      return JSON.stringify({ set: some(assignments).map((each) => mutateText(random, each)) });
    },
    run(input) {
      const { text = '', env = {}, dotenv = '', set = [] } = JSON.parse(input);
      writeFileSync(file, text);
      writeFileSync(join(folder, '.env'), dotenv);
      const strings = Object.fromEntries(
        Object.entries(env ?? {}).map(([key, value]) => [key, String(value)]),
      );
      const { mqtt, device } =
        set.length > 0
          ? configFrom({ config: file, set })
          : loadConfig({ file, env: strings, flags: {}, cwd: folder });
      const topics = topicsOf({ prefix: mqtt.prefix, deviceId: device.id ?? 'bathroom' });
      brokerAddress({ ...mqtt, deviceId: 'bathroom', topics }, DEFAULT_TIMING);
    },
    stop: () => rmSync(folder, { recursive: true }),
  };
}

function pathsIn(tree, prefix = '') {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? pathsIn(value, `${prefix}${key}.`)
      : [[prefix + key, value]],
  );
}
