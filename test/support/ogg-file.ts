/** One page of an OGG file. */
export interface OggPage {
  readonly flags: number;
  readonly granule: bigint;
  readonly serial: number;
  readonly number: number;
  readonly segments: Buffer;
  readonly body: Buffer;
}

/** The pages of an OGG file that is in order. */
export function readPages(bytes: Buffer): OggPage[] {
  const pages: OggPage[] = [];
  for (let at = 0; at < bytes.length; ) {
    const segments = bytes.subarray(at + 27, at + 27 + bytes[at + 26]!);
    const start = at + 27 + segments.length;
    const end = start + segments.reduce((sum, length) => sum + length, 0);
    pages.push({
      flags: bytes[at + 5]!,
      granule: bytes.readBigInt64LE(at + 6),
      serial: bytes.readUInt32LE(at + 14),
      number: bytes.readUInt32LE(at + 18),
      segments,
      body: bytes.subarray(start, end),
    });
    at = end;
  }
  return pages;
}

/** An OGG file of these pages, with right checksums. */
export function writePages(pages: readonly OggPage[]): Buffer {
  return Buffer.concat(
    pages.map(({ flags, granule, serial, number, segments, body }) => {
      const header = Buffer.alloc(27);
      header.write('OggS');
      header[5] = flags;
      header.writeBigInt64LE(granule, 6);
      header.writeUInt32LE(serial, 14);
      header.writeUInt32LE(number, 18);
      header[26] = segments.length;
      const page = Buffer.concat([header, segments, body]);
      page.writeUInt32LE(checksum(page), 22);
      return page;
    }),
  );
}

/** Pages with one packet, which goes over as many of them as it needs. */
export function packetPages(page: Omit<OggPage, 'segments' | 'body'>, packet: Buffer): OggPage[] {
  const lengths = [
    ...Array.from({ length: Math.floor(packet.length / 255) }, () => 255),
    packet.length % 255,
  ];
  const pages: OggPage[] = [];
  for (let i = 0; i < lengths.length; i += 255)
    pages.push({
      ...page,
      flags: page.flags | (i > 0 ? 1 : 0),
      number: page.number + i / 255,
      segments: Buffer.from(lengths.slice(i, i + 255)),
      body: packet.subarray(i * 255, (i + 255) * 255),
    });
  return pages;
}

function checksum(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let i = 0; i < 8; i++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
  }
  return crc >>> 0;
}
