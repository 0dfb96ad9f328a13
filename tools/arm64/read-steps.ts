/** Reads what is to be run out of what people read, so that nothing else can be what has been tried. */

/** README's steps for an arm64 board with Debian 13, in their order; each line as it is printed. */
export interface Steps {
  readonly node: string;
  /** In the clone, as `pack` is. */
  readonly demo: readonly string[];
  readonly pack: readonly string[];
  readonly install: readonly string[];
  readonly naudiodon: readonly string[];
}

/** @throws Error where README has them no more, or twice */
export function readSteps(readme: string): Steps {
  return {
    node: shellCommand(readme, 'Install it', 'sudo apt-get install nodejs'),
    demo: shellBlock(readme, 'See it work', 'npm install && npm run demo'),
    pack: shellBlock(readme, 'Install it', 'npm pack'),
    install: shellBlock(readme, 'Install it', 'sudo mkdir /opt/bathnet2mqtt'),
    naudiodon: shellBlock(readme, 'The microphone', 'sudo apt-get install libportaudio2'),
  };
}

/**
 * A block of shell commands in a page of Markdown.
 *
 * @param heading of the section it is in
 * @param begins its first words
 * @returns its lines, without comments that stand alone
 * @throws Error where there is none, or more than one
 */
export function shellBlock(markdown: string, heading: string, begins: string): string[] {
  const blocks = [...section(markdown, heading).matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) =>
    text
      .split('\n')
      .filter((line) => !/^\s*(#|$)/.test(line))
      .join('\n'),
  );
  return only(blocks, begins, heading).split('\n');
}

/** A command between backticks in the text of a section; as {@link shellBlock}. */
function shellCommand(markdown: string, heading: string, begins: string): string {
  const text = section(markdown, heading).replaceAll(/^```.*?^```$/gms, '');
  return only(
    [...text.matchAll(/`([^`\n]+)`/g)].map(([, command]) => command),
    begins,
    heading,
  );
}

/** From a heading to the next one that is as high or higher. */
function section(markdown: string, heading: string): string {
  const lines = markdown.split('\n');
  let fenced = false;
  const headings = lines.flatMap((line, index) => {
    if (line.startsWith('```')) fenced = !fenced;
    const [, marks, title] = (fenced ? null : /^(#+) (.*)$/.exec(line)) ?? [];
    return marks ? [{ index, level: marks.length, title }] : [];
  });
  const found = headings.find(({ title }) => title === heading);
  if (!found) throw new Error(`there is no section "${heading}"`);
  const next = headings.find(({ index, level }) => index > found.index && level <= found.level);
  return lines.slice(found.index + 1, next?.index).join('\n');
}

function only(found: readonly (string | undefined)[], begins: string, heading: string): string {
  const [first, second] = found.filter((text) => text?.startsWith(begins));
  if (first === undefined) throw new Error(`in "${heading}" nothing begins with "${begins}"`);
  if (second !== undefined) throw new Error(`in "${heading}" more than one begins with "${begins}"`);
  return first;
}

/** One line of a Dockerfile, its continuations and what it spans joined. */
export interface Instruction {
  /** `RUN` */
  readonly name: string;
  /** All that stands behind it. */
  readonly text: string;
}

/** From one FROM to the next. */
export interface Stage {
  /** Image that it begins with. */
  readonly base: string;
  /** What others copy from it by; undefined for the last, which is the image. */
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

const KNOWN = ['RUN', 'COPY', 'WORKDIR', 'ENV', 'USER', 'VOLUME', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'];

/**
 * The stages of a Dockerfile (https://docs.docker.com/reference/dockerfile), of which this one's instructions are known.
 *
 * @throws Error where there is another
 */
export function dockerStages(dockerfile: string): Stage[] {
  const stages: { base: string; name: string | undefined; instructions: Instruction[] }[] = [];
  const lines = dockerfile.replaceAll(/^\s*#.*\n/gm, '').replaceAll(/\\\n/g, ' ');
  for (const line of lines.split('\n').filter((text) => text.trim() !== '')) {
    const [, name = '', text = ''] = /^(\w+)\s+(.*)$/.exec(line.trim()) ?? [];
    if (name === 'FROM') {
      const [base = '', , stage] = text.split(/\s+/);
      stages.push({ base, name: stage, instructions: [] });
      continue;
    }
    if (!KNOWN.includes(name)) throw new Error(`the Dockerfile's "${line}" is not known here`);
    stages.at(-1)?.instructions.push({ name, text });
  }
  return stages;
}

/** What COPY takes and where to: `--from=build a b c/`. */
export interface Copy {
  /** The stage, or undefined for the folder that is built. */
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
}

export function readCopy(text: string): Copy {
  const [, from, paths = ''] = /^(?:--from=(\S+)\s+)?(.+)$/.exec(text) ?? [];
  if (paths.startsWith('--') || paths.startsWith('['))
    throw new Error(`the Dockerfile's "COPY ${text}" is not known here`);
  const words = paths.split(/\s+/);
  return { from, sources: words.slice(0, -1), target: words.at(-1) ?? '' };
}

/** `A=1 B=2`, without quotes. */
export function readEnvironment(text: string): Record<string, string> {
  if (/["'\\]/.test(text)) throw new Error(`the Dockerfile's "ENV ${text}" is not known here`);
  return Object.fromEntries(
    text.split(/\s+/).map((pair) => [pair.split('=', 1)[0] ?? '', pair.slice(pair.indexOf('=') + 1)]),
  );
}
