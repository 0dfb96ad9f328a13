import type { Argument, Command, Option } from 'commander';

/** A command as a shell's completion sees it. */
export interface Node {
  /** What has been typed to get there, each word after a space: ` models pull`; empty for the program itself. */
  readonly path: string;
  readonly name: string;
  readonly does: string;
  readonly flags: readonly Flag[];
  readonly args: readonly Arg[];
  readonly commands: readonly Node[];
}

export interface Flag {
  /** `-c` and `--config`, or one of them. */
  readonly names: readonly string[];
  readonly does: string;
  /** What must follow it. */
  readonly value: Value | undefined;
  readonly repeatable: boolean;
}

export interface Arg extends Value {
  readonly optional: boolean;
  readonly variadic: boolean;
}

/** What can stand in a place. */
export interface Value {
  /** `file` */
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'text';
  /** All there are, where they can be counted. */
  readonly words: readonly string[];
}

/** Placeholders that stand for a path. */
const KINDS: Readonly<Record<string, Value['kind']>> = {
  file: 'file',
  in: 'file',
  out: 'file',
  dir: 'folder',
  folder: 'folder',
  bundle: 'folder',
};

/** The whole command line out of its definitions, which must have been loaded. */
export function treeOf(command: Command, path = ''): Node {
  const commands = command.commands.map((each) => treeOf(each, `${path} ${each.name()}`));
  return {
    path,
    name: command.name(),
    does: command.description(),
    flags: command.createHelp().visibleOptions(command).map(flagOf),
    args: command.registeredArguments.map(argOf),
    commands,
  };
}

/** A command and all below it. */
export function allNodes(node: Node): Node[] {
  return [node, ...node.commands.flatMap(allNodes)];
}

function flagOf({ short, long, description, flags, required, argChoices, parseArg }: Option): Flag {
  const name = /<(.+)>/.exec(flags)?.[1] ?? '';
  return {
    names: [short, long].filter((each) => each !== undefined),
    does: description,
    value: required ? { name, kind: KINDS[name] ?? 'text', words: argChoices ?? [] } : undefined,
    repeatable: parseArg !== undefined && argChoices === undefined,
  };
}

function argOf(argument: Argument): Arg {
  const name = argument.name();
  const words = argument.argChoices ?? [];
  const { required, variadic } = argument;
  return { name, kind: KINDS[name] ?? 'text', words, optional: !required, variadic };
}
