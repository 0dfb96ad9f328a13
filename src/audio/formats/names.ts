/** Kinds of files that are asked for and that nothing here reads, by what they begin with, as bytes of Latin-1. */
const KINDS: readonly (readonly [mark: string, at: number, kind: string])[] = [
  ['ftypM4A', 4, 'an M4A file'],
  ['ftypqt', 4, 'a QuickTime film'],
  ['ftyp', 4, 'an MP4 file'],
  ['\x1a\x45\xdf\xa3', 0, 'a WebM or Matroska file'],
  ['\x30\x26\xb2\x75\x8e\x66\xcf\x11', 0, 'a WMA file'],
  ['AIFF', 8, 'an AIFF file'],
  ['AIFC', 8, 'an AIFF file'],
  ['8SVX', 8, 'an 8SVX file'],
  ['.snd', 0, 'an AU file'],
  ['caff', 0, 'a CAF file'],
  ['#!AMR', 0, 'an AMR file'],
  ['wvpk', 0, 'a WavPack file'],
  ['MAC ', 0, 'a Monkey’s Audio file'],
  ['MPCK', 0, 'a Musepack file'],
  ['MP+', 0, 'a Musepack file'],
  ['TTA1', 0, 'a TTA file'],
  ['OFR ', 0, 'an OptimFROG file'],
  ['ajkg', 0, 'a Shorten file'],
  ['DSD ', 0, 'a DSD file'],
  ['FRM8', 0, 'a DSD file'],
  ['RIFX', 0, 'a WAV file of big-endian numbers'],
  ['AVI ', 8, 'an AVI film'],
  ['RIFF', 0, 'a RIFF file that holds no WAV'],
  ['Creative Voice File', 0, 'a VOC file'],
  ['NIST_1A', 0, 'a SPHERE file'],
  ['FLV', 0, 'a Flash film'],
  ['.RMF', 0, 'a RealMedia file'],
  ['MThd', 0, 'a MIDI file, which holds notes and no sound'],
  ['\x0b\x77', 0, 'an AC-3 file'],
];

/** What kind of file begins so, where it is one that is known by name only. */
export function nameOf(head: Buffer): string | undefined {
  const found = KINDS.find(([mark, at]) => head.toString('latin1', at, at + mark.length) === mark);
  if (found) return found[2];
  // The sync word of AAC, which is that of MPEG audio with a layer that it has not.
  return head[0] === 0xff && ((head[1] ?? 0) & 0xf6) === 0xf0 ? 'an AAC file' : undefined;
}
