import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type AlarmRule, DEFAULT_ALARM_RULE } from '../src/alarm/decision.js';
import { SILENCE_ABOVE_FLOOR_DB } from '../src/alarm/floor.js';
import { REGISTRY } from '../src/commands/registry.js';
import { configSchema } from '../src/config/schema.js';

const NUMERALS = [
  'None',
  'One',
  'Two',
  'Three',
  'Four',
  'Five',
  'Six',
  'Seven',
  'Eight',
  'Nine',
  'Ten',
  'Eleven',
  'Twelve',
];

const root = fileURLToPath(new URL('..', import.meta.url));
const text = (path: string) => readFileSync(join(root, path), 'utf8');

/** Everything for people that is kept in the repository. */
const pages = [
  '',
  'docs',
  'models',
  'models/bathnet-mini',
  'models/yamnet',
  'tools/arm64',
  'tools/distill',
  'tools/heads',
  'tools/sounds',
  'bathnet2mqtt',
]
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.md'));

describe('the documentation', () => {
  it.each(pages)('%s links to what is there', (page) => {
    const links = [...text(page).matchAll(/\]\((?!https?:|mailto:)([^)#\s]+)(#[^)]*)?\)/g)].map(
      ([, path]) => path as string,
    );
    expect(links.filter((path) => !existsSync(join(root, dirname(page), path)))).toStrictEqual([]);
  });

  it.each(pages)('%s links to headings that are there', (page) => {
    const missing = [...text(page).matchAll(/\]\(([^)#\s]*)#([^)\s]+)\)/g)].filter(([, path, heading]) => {
      if (path?.startsWith('http')) return false;
      const target = path === '' ? page : join(dirname(page), path as string);
      return !headingsOf(text(target)).includes(heading as string);
    });
    expect(missing.map(([link]) => link)).toStrictEqual([]);
  });
});

describe('README.md and what it leads to', () => {
  const said = ['README.md', 'docs/alarm.md', 'docs/mqtt.md'].map(text).join('\n').replaceAll(/\s+/g, ' ');
  const { heads, defaultHead } = JSON.parse(text('models/bathnet-mini/model.json'));
  const rule: AlarmRule = { ...DEFAULT_ALARM_RULE, ...heads[defaultHead].alarm };

  it.each<[string, string]>([
    ['threshold', `\`threshold\` (bathnet-mini: ${rule.threshold})`],
    ['instant threshold', `\`instantThreshold\` (${rule.instantThreshold})`],
    ['least level', `\`minLevelDbfs\` (−${-rule.minLevelDbfs})`],
    [
      'hits and window',
      `${NUMERALS[rule.hits]} hits among ${NUMERALS[rule.window]?.toLowerCase()} windows start the alarm`,
    ],
    ['release', `It ends after ${rule.releaseSeconds} s without a hit`],
    ['cooldown', `for ${rule.cooldownSeconds} s after that no other starts`],
    ['steps of training', `an alarm of your own in ${trainingCommands()} commands`],
    ['escalation', `nobody acknowledged it for ${configSchema.parse({}).sense.escalateSeconds / 60} minutes`],
    ['water', `water has been running for long (${configSchema.parse({}).sense.waterMinutes} minutes)`],
    ['a sound', `stands out of the room's noise by ${SILENCE_ABOVE_FLOOR_DB} dB`],
    ['Node', `Node ${JSON.parse(text('package.json')).engines.node.slice(2)} or newer`],
  ])('says the truth of %s', (_, sentence) => expect(said).toContain(sentence));

  it('has every command in its table, and no other', () => {
    const rows =
      text('README.md')
        .match(/^\| `bathnet2mqtt .*$/gm)
        ?.join() ?? '';
    const named = [...rows.matchAll(/`bathnet2mqtt (\w+)/g)].map(([, name]) => name as string);
    expect([...new Set(named)].sort()).toStrictEqual(REGISTRY.map(({ name }) => name).sort());
  });
});

describe('docs/training.md', () => {
  it('counts its commands', () =>
    expect(text('docs/training.md')).toContain(`an alarm of your own, in ${trainingCommands()} commands`));
});

describe('docs/architecture.md', () => {
  const map = text('docs/architecture.md');
  const entries = readdirSync(join(root, 'src'));
  const isRoom = (name: string) => statSync(join(root, 'src', name)).isDirectory();

  it('has a sentence for each room and each file in front of them, and for no other', () => {
    const rooms = [...map.matchAll(/^\| `(\w+)\/` \|/gm)].map(([, name]) => name);
    expect(rooms.sort()).toStrictEqual(entries.filter(isRoom).sort());
    const files = [...map.matchAll(/^([\w-]+\.ts) {2,}\S/gm)].map(([, name]) => name);
    expect(files.sort()).toStrictEqual(entries.filter((name) => !isRoom(name)).sort());
  });

  it('names no file of src that is not there', () => {
    const named = [...map.matchAll(/`(?:src\/)?((?:(?!src\/)[a-z-]+\/)+[a-z-]+\.ts)`/g)].map(
      ([, path]) => path as string,
    );
    expect(named.filter((path) => !existsSync(join(root, 'src', path)))).toStrictEqual([]);
  });

  it('says of each direct dependency why it was chosen', () => {
    const { dependencies, optionalDependencies } = JSON.parse(text('package.json'));
    const unsaid = Object.keys({ ...dependencies, ...optionalDependencies }).filter(
      (name) => !map.includes(`\`${name}\``) && !map.includes(`\`-${name.split('-').slice(1).join('-')}\``),
    );
    expect(unsaid).toStrictEqual([]);
  });
});

/** How many blocks of shell lead from recordings to an alarm, and to a better one. */
function trainingCommands(): string {
  const count = text('docs/training.md').match(/^```sh$/gm)?.length ?? 0;
  return NUMERALS[count]?.toLowerCase() ?? '';
}

/** The anchors that GitHub makes of the headings. */
function headingsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
