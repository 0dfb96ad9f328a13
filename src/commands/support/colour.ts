import { inspect } from 'node:util';

/** Node's own table (`styleText` uses it, too, but came with 20.12). */
type Style = 'bold' | 'dim' | 'inverse' | 'red' | 'green' | 'yellow' | 'blue' | 'gray' | 'bgRed';

/** Puts styles around a text, where colours are wanted. */
export type Paint = (text: string, ...styles: Style[]) => string;

/** Colours for one stream: https://no-color.org, https://force-color.org */
export function painter(stream: NodeJS.WriteStream): Paint {
  if (!wantsColours(stream)) return (text) => text;
  return (text, ...styles) =>
    styles.reduce((inner, style) => {
      const [on, off] = inspect.colors[style] as [number, number];
      return `\x1b[${on}m${inner}\x1b[${off}m`;
    }, text);
}

export function wantsColours(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return stream.isTTY === true && !NO_COLOR && TERM !== 'dumb';
}
