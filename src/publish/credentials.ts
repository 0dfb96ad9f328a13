/** User and password in an address, as they are meant; empty where there are none. */
export function credentialsOf({ username, password }: URL): { username: string; password: string } {
  return { username: decode(username), password: decode(password) };
}

/** A % that begins no escape stands for itself: passwords have it. */
function decode(text: string): string {
  return text.replaceAll(/(%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}
