import { allNodes, type Flag, type Node, type Value } from './tree.js';

/** Completion for bash, also 3.2 of macOS, and without the package bash-completion. */
export function bashCompletion(program: Node): string {
  const nodes = allNodes(program);
  const { name } = program;
  return `_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local path= words= kind= flags= i
  # In --flag=value, = is a word of its own.
  if [[ $cur == '=' ]]; then
    cur=
  elif [[ $prev == '=' ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
      ${pattern(nodes.slice(1).map(({ path }) => path))}) path="$path \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path $prev" in
${nodes.flatMap((node) => node.flags.flatMap((flag) => valueCase(node, flag))).join('\n')}
    *)
      case "$path" in
${nodes.map(placeCase).join('\n')}
      esac
      [[ $cur == -* ]] && words=$flags kind=text
      ;;
  esac
  [[ $kind == file ]] && return
  compopt +o default 2>/dev/null
  if [[ $kind == folder ]]; then
    compopt -o dirnames 2>/dev/null
    return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _${name} ${name}
`;
}

function valueCase({ path }: Node, { names, value }: Flag): string[] {
  return value ? [`    ${pattern(names.map((name) => `${path} ${name}`))}) ${assignments(value)} ;;`] : [];
}

/** What can come after a command, besides the value of a flag. */
function placeCase({ path, flags, args, commands }: Node): string {
  const place = args.at(-1) ?? { kind: 'text', words: commands.map(({ name }) => name) };
  const names = flags.flatMap((flag) => flag.names).join(' ');
  return `        ${pattern([path])}) ${assignments(place)} flags='${names}' ;;`;
}

function assignments({ kind, words }: Pick<Value, 'kind' | 'words'>): string {
  return words.length > 0 ? `words='${words.join(' ')}'` : `kind=${kind}`;
}

function pattern(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join('|');
}
