import type { Manifest } from '../../model/bundle.js';
import { int8Line } from '../support/calibration.js';

/** A bundle that is there now. */
export function announce(
  { name, heads, backbone, quantization }: Manifest,
  folder: string,
  json = false,
): void {
  const names = Object.keys(heads);
  if (json) {
    console.log(JSON.stringify({ name, heads: names, folder, int8: quantization?.agreement }));
    return;
  }
  console.log(`${name}: ${names.join(', ')} → ${folder}`);
  console.log(
    quantization
      ? int8Line(quantization, { backbone })
      : `To run it in 8-bit integers, calibrate it with sound of all kinds: bathnet2mqtt models quantize ${name} FOLDER`,
  );
  console.log(`Try it: bathnet2mqtt classify FILE --model ${name}`);
}
