/** Of the page, what says where it is reached. */
export interface PageOptions {
  readonly enabled: boolean;
  readonly host: string;
  readonly port: number;
  readonly url?: string | undefined;
}

/**
 * Where people on other machines reach the page; undefined where they do not, or by which address is not known.
 *
 * @param thisHost the name to take where it is reached by all addresses of this machine
 */
export function pageUrl({ enabled, host, port, url }: PageOptions, thisHost?: string): string | undefined {
  if (!enabled) return undefined;
  if (url !== undefined) return url;
  // Of this machine alone.
  if (/^(localhost|127\..*|[:0]*:1)$/.test(host) || port === 0) return undefined;
  const name = /^(0\.0\.0\.0|[:0]+)$/.test(host) ? thisHost : host;
  const own = name && `http://${name.includes(':') ? `[${name}]` : name}:${port}/`;
  // An address with a zone, or a name that ends in a number, makes none.
  return own && URL.canParse(own) ? own : undefined;
}
