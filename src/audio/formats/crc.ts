/** The table of a checksum that takes the highest bit first, for each byte. */
export function crcTable(bits: 8 | 16 | 32, polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << 24;
    for (let i = 0; i < 8; i++) crc = (crc << 1) ^ (crc < 0 ? polynomial << (32 - bits) : 0);
    return crc >>> (32 - bits);
  });
}
