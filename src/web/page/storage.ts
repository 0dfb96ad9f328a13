/** What this browser keeps for the page; undefined where it keeps nothing. */
export function storage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
