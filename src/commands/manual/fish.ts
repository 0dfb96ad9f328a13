import { allNodes, type Flag, type Node, type Value } from './tree.js';

/** Completion for fish. */
export function fishCompletion(program: Node): string {
  const { name } = program;
  const nodes = allNodes(program);
  const at = `__${name}_at`;
  const lines = nodes.flatMap((node) => {
    const here = `complete -c ${name} -n ${quote(`${at} "${node.path}"`)}`;
    const arg = node.args.at(-1);
    return [
      ...node.commands.map((each) => `${here} -a ${each.name} -d ${quote(each.does)}`),
      ...node.flags.map((flag) => `${here} ${flagOptions(flag)}`),
      ...(arg && (arg.kind !== 'text' || arg.words.length > 0) ? [`${here} ${valueOptions(arg)}`] : []),
    ];
  });
  return `function ${at} --description 'Whether this command has been typed'
    set -l words (commandline -opc)
    set -e words[1]
    set -l path ''
    for word in $words
        switch "$path $word"
            case ${nodes
              .slice(1)
              .map(({ path }) => quote(path))
              .join(' ')}
                set path "$path $word"
        end
    end
    test "$path" = "$argv[1]"
end
complete -c ${name} -f
${lines.join('\n')}
`;
}

function flagOptions({ names, does, value }: Flag): string {
  const options = names.map((name) =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  if (value) options.push(value.kind === 'file' ? '-r' : '-x', valueOptions(value));
  return [...options, `-d ${quote(does)}`].join(' ');
}

function valueOptions({ kind, words }: Value): string {
  if (words.length > 0) return `-a ${quote(words.join(' '))}`;
  return { file: '-F', folder: "-a '(__fish_complete_directories)'", text: '' }[kind];
}

function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}
