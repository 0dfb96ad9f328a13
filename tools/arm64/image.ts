import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Container, Place } from './container.js';
import { dockerStages, type Instruction, readCopy, readEnvironment } from './read-steps.js';
import type { Report } from './report.js';

/** What a Dockerfile has made. */
export interface Image {
  readonly container: Container;
  readonly place: Required<Omit<Place, 'user'>> & Pick<Place, 'user'>;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  /** What Docker asks again and again whether the container is well. */
  readonly healthcheck: readonly string[];
}

/**
 * Does what `docker build` does with this Dockerfile, an instruction after the other, each stage in a copy of the base.
 *
 * @param base folder with what all its stages begin with
 * @param context folder that is built: a clean clone
 * @param make a container in a folder of this name
 * @returns undefined where a step has failed
 */
export async function buildImage(
  dockerfile: string,
  base: string,
  context: string,
  make: (name: string) => Container,
  report: Report,
): Promise<Image | undefined> {
  const before = report.failed;
  const stages = new Map<string, Container>();
  let built: Image | undefined;
  for (const { base: image, name = 'image', instructions } of dockerStages(dockerfile)) {
    const container = make(name);
    stages.set(name, container);
    let state: Image = {
      container,
      place: { workdir: '/', env: {}, user: undefined },
      entrypoint: [],
      command: [],
      healthcheck: [],
    };
    await report.step(`FROM ${image}`, async () => {
      execFileSync('cp', ['--archive', '--reflink=auto', base, container.root]);
      return undefined;
    });
    for (const instruction of instructions)
      await report.step(`${instruction.name} ${short(instruction.text)}`, async () => {
        state = await obey(instruction, state, (from) => (from ? stages.get(from)?.root : context));
        return undefined;
      });
    built = state;
  }
  return report.failed > before ? undefined : built;
}

async function obey(
  { name, text }: Instruction,
  state: Image,
  rootOf: (stage: string | undefined) => string | undefined,
): Promise<Image> {
  const { container, place } = state;
  switch (name) {
    case 'RUN': {
      const { code } = await container.run(text, place);
      if (code !== 0) throw new Error(`ended with ${code}`);
      return state;
    }
    case 'COPY': {
      const { from, sources, target } = readCopy(text);
      const root = rootOf(from);
      if (root === undefined) throw new Error(`there is no stage ${from}`);
      for (const source of sources)
        copy(join(root, source), container.path(join(place.workdir, target)), target);
      return state;
    }
    case 'WORKDIR':
      mkdirSync(container.path(text), { recursive: true });
      return { ...state, place: { ...place, workdir: text } };
    case 'ENV':
      return { ...state, place: { ...place, env: { ...place.env, ...readEnvironment(text) } } };
    case 'USER':
      return { ...state, place: { ...place, user: text } };
    case 'ENTRYPOINT':
      return { ...state, entrypoint: JSON.parse(text) };
    case 'CMD':
      return { ...state, command: JSON.parse(text) };
    case 'HEALTHCHECK':
      return { ...state, healthcheck: JSON.parse(text.slice(text.indexOf('['))) };
    default:
      return state; // VOLUME: where it is written to is a folder in any case
  }
}

/** Of a folder its content, as COPY does. */
function copy(source: string, target: string, written: string): void {
  if (!existsSync(source)) throw new Error(`there is no ${source}`);
  const into = !statSync(source).isDirectory() && written.endsWith('/');
  cpSync(source, into ? join(target, basename(source)) : target, {
    recursive: true,
    verbatimSymlinks: true,
    preserveTimestamps: true,
  });
}

function short(text: string): string {
  const words = text.replaceAll(/\s+/g, ' ');
  return words.length > 90 ? `${words.slice(0, 89)}…` : words;
}
