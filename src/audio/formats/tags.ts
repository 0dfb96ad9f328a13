/**
 * The length of a tag (ID3v2, ID3v1, APE) that begins here, 0 where none does. Programs put them before and behind
 * the sound of any format. https://id3.org/id3v2.4.0-structure, https://wiki.hydrogenaud.io/index.php?title=APE_key
 */
export function tagBytes(data: Buffer, at: number): number {
  const first = data[at];
  if (first !== 0x49 && first !== 0x54 && first !== 0x41) return 0;
  const mark = data.toString('latin1', at, at + 8);
  if (mark.startsWith('TAG+')) return 227;
  if (mark.startsWith('TAG')) return 128;
  if (mark.startsWith('ID3') && data.length >= at + 10) return id3Bytes(data.subarray(at, at + 10));
  if (mark !== 'APETAGEX' || data.length < at + 32) return 0;
  // There is one mark before and one behind the tag, or the latter only.
  const isHeader = (data[at + 23]! & 0x20) !== 0;
  return 32 + (isHeader ? data.readUInt32LE(at + 12) : 0);
}

/** The length is in four times 7 bits. */
function id3Bytes(header: Buffer): number {
  const length = header.subarray(6);
  if (header[3] === 0xff || length.some((byte) => byte > 127)) return 0;
  const footer = (header[5]! & 0x10) !== 0 ? 10 : 0;
  return 10 + length.reduce((sum, byte) => sum * 128 + byte, 0) + footer;
}
