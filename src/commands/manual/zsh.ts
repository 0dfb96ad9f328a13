import { type Arg, allNodes, type Flag, type Node, type Value } from './tree.js';

/** Completion for zsh: to be sourced, or as a file `_<program>` in a folder of `$fpath`. */
export function zshCompletion(program: Node): string {
  const { name } = program;
  return `#compdef ${name}
${allNodes(program)
  .map((node) => functionOf(node, `_${name}`))
  .join('\n')}
if [ "$funcstack[1]" = _${name} ]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}

function functionOf(node: Node, prefix: string): string {
  const nameOf = ({ path }: Node) => prefix + path.replaceAll(' ', '_');
  const specs = node.flags.map(flagSpec);
  const group = node.commands.length > 0;
  if (group) specs.push(`'1:command:${nameOf(node)}_commands'`, "'*::argument:->rest'");
  else specs.push(...node.args.map(argSpec));
  const body = `  _arguments ${group ? '-C ' : ''}-S \\\n    ${specs.join(' \\\n    ')}`;
  if (!group) return `${nameOf(node)}() {\n${body}\n}`;
  const branches = node.commands.map((each) => `      ${each.name}) ${nameOf(each)} ;;`);
  const described = node.commands.map(
    ({ name, does }) => `    ${quote(`${name}:${does.replaceAll(':', '\\:')}`)}`,
  );
  return `${nameOf(node)}_commands() {
  local -a commands=(
${described.join('\n')}
  )
  _describe -t commands command commands
}
${nameOf(node)}() {
  local curcontext=$curcontext state line
  typeset -A opt_args
${body}
  if [[ $state == rest ]]; then
    case $line[1] in
${branches.join('\n')}
    esac
  fi
}`;
}

function flagSpec({ names, does, value, repeatable }: Flag): string {
  const about = `[${does.replaceAll(/[[\]]/g, '\\$&')}]`;
  const action = value ? `:${value.name}:${actionOf(value)}` : '';
  const forms = names.map((name) => name + (value ? (name.startsWith('--') ? '=' : '+') : ''));
  const exclusive = repeatable ? "'*'" : names.length > 1 ? `'(${names.join(' ')})'` : '';
  const form = forms.length > 1 ? `{${forms.join(',')}}` : forms.join('');
  return `${exclusive}${form}${quote(about + action)}`;
}

function argSpec(arg: Arg, i: number): string {
  // `*::` would mean something else.
  const place = arg.variadic ? '*:' : `${i + 1}:${arg.optional ? ':' : ''}`;
  return quote(`${place}${arg.name}:${actionOf(arg)}`);
}

function actionOf({ kind, words }: Value): string {
  if (words.length > 0) return `(${words.join(' ')})`;
  return { file: '_files', folder: '_files -/', text: ' ' }[kind];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
