import type { Command } from 'commander';

/**
 * The manual page in the macros of man(7), out of the command definitions, which must have been loaded.
 *
 * @param after sections that no definition holds, by heading
 */
export function manPage(
  program: Command,
  options: {
    readonly version: string;
    readonly date: string;
    readonly after: Readonly<Record<string, Row[]>>;
  },
): string {
  const { version, date, after } = options;
  const name = program.name();
  const lines = [
    `.TH ${name.toUpperCase()} 1 ${date} "${name} ${version}"`,
    '.SH NAME',
    wrapped(`${name} \\- ${escaped(lowerFirst(program.description()).replace(/\.$/, ''))}`),
    '.SH SYNOPSIS',
    `.B ${name}`,
    '.I command',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    text(program.description()),
    '.SH OPTIONS',
    ...flagsOf(program),
    '.SH COMMANDS',
    ...leaves(program).flatMap(commandLines),
    ...Object.entries(after).flatMap(([heading, rows]) => [`.SH ${heading}`, ...rows.flatMap(row)]),
  ];
  return `${lines.join('\n')}\n`;
}

const LINE_LENGTH = 78;

/** A term and what it means. */
export type Row = readonly [term: string, meaning: string];

/** All that can be called, in the order of the registry. */
function leaves(command: Command): Command[] {
  return command.commands
    .filter((each) => each.name() !== 'help')
    .flatMap((each) => (each.commands.length > 0 ? leaves(each) : [each]));
}

function commandLines(command: Command): string[] {
  const help = command.createHelp();
  return [
    `.SS "${escaped(help.commandUsage(command).replace(/^\S+ /, ''))}"`,
    text(upperFirst(command.description().replace(/\.?$/, '.'))),
    ...help
      .visibleArguments(command)
      .flatMap((each) => row([help.argumentTerm(each), help.argumentDescription(each)])),
    ...flagsOf(command),
  ];
}

function flagsOf(command: Command): string[] {
  const help = command.createHelp();
  return help
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help' || command.parent === null)
    .flatMap((each) => row([help.optionTerm(each), help.optionDescription(each)]));
}

function row([term, meaning]: Row): string[] {
  return ['.TP', `.B ${escaped(term)}`, text(meaning)];
}

function text(plain: string): string {
  return wrapped(escaped(plain));
}

/** Lines that are short, and of which none begins like a macro. */
function wrapped(roff: string): string {
  const lines: string[] = [];
  for (const word of roff.split(/\s+/)) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= LINE_LENGTH) lines[lines.length - 1] = longer;
    else lines.push(word.replace(/^[.']/, '\\&$&'));
  }
  return lines.join('\n');
}

/** As roff takes it: hyphens and the like that can be copied. */
function escaped(plain: string): string {
  return plain
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha')
    .replaceAll('`', '\\(ga');
}

function lowerFirst(words: string): string {
  return words.charAt(0).toLowerCase() + words.slice(1);
}

function upperFirst(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
