import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { MOST_ENTRIES } from '../../src/storage/history.js';
import type { HistoryEntry } from '../../src/storage/history-entry.js';

/** Of an event, what those of bathnet-mini have, and about as long. */
const MODEL = {
  ...{ name: 'bathnet-mini', version: '0.4.0', sha256: 'a'.repeat(64) },
  ...{ engine: 'onnxruntime', precision: 'float32' },
};

/**
 * Lays as many alarms into the history of a device as are kept, each with a picture, as if an earlier run had heard them:
 * one each hour, the last one yesterday.
 *
 * @returns their ids, newest first
 */
export async function writePast(stateDir: string, deviceId: string): Promise<string[]> {
  const folder = join(stateDir, 'devices', deviceId, 'history');
  await mkdir(folder, { recursive: true });
  const entries = Array.from({ length: MOST_ENTRIES }, (_, i) => alarm(Date.now() - (24 + i) * 3_600_000));
  await Promise.all(entries.map((each) => writeFile(join(folder, `${each.id}.json`), JSON.stringify(each))));
  return entries.map(({ id }) => id);
}

function alarm(atMs: number): HistoryEntry {
  const episodeId = uuidv7({ msecs: atMs });
  const of = (ms: number) => ({ id: uuidv7({ msecs: ms }), episodeId, at: new Date(ms).toISOString() });
  const what = { label: 'abnormal', kind: 'scream', test: false, model: MODEL };
  const windows = Array.from({ length: 6 }, (_, i) => ({ at: of(atMs - 480 * i).at, scream: 1 - i / 100 }));
  const started = {
    ...{ event_type: 'alarm_started', ...of(atMs), ...what, confidence: 0.962, windows, reason: 'evidence' },
    scores: { background: 0.021, water: 0.008, speech: 0.009, abnormal: 0.962 },
    audioset: [['Screaming', 0.179] as [string, number], ['Air horn, truck horn', 0.077] as [string, number]],
    ...{ evidence: 20, line: 10, levelDbfs: -18.4 },
  };
  const ended = {
    ...{ event_type: 'alarm_ended', ...of(atMs + 10_000), ...what, durationSeconds: 10.08 },
    ...{ peakConfidence: 1, endedBy: 'silence', acknowledged: false },
  };
  const mel = Uint8Array.from({ length: 96 * 64 }, (_, i) => (i * 7919) % 251);
  return { id: episodeId, events: [started, ended], spectrogram: Buffer.from(mel).toString('base64') };
}
