/** A bundle that is there now. */
export function announce(name: string, heads: readonly string[], folder: string, json = false): void {
  console.log(
    json
      ? JSON.stringify({ name, heads, folder })
      : `${name}: ${heads.join(', ')} → ${folder}\nTry it: bathnet2mqtt classify FILE --model ${name}`,
  );
}
