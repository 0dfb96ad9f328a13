import type { EntryWithPicture } from '../schemas.js';
import { MOST_ENTRIES } from './live.js';
import { ask } from './requests.js';

/** A browser has six requests under way at a time; who confirms an alarm shall not wait for pictures. */
const MOST_AT_ONCE = 3;

/** By id: once fetched, a picture stays what it is. The first that was fetched makes room. */
const pictures = new Map<string, Promise<string | undefined>>();
const waiting: (() => void)[] = [];
let fetching = 0;

/** @returns the log-mel of an alarm of the history; undefined where it has none, or none can be had just now */
export function pictureOf(id: string): Promise<string | undefined> {
  const picture = pictures.get(id) ?? fetchPicture(id);
  pictures.set(id, picture);
  const [oldest] = pictures.keys();
  if (pictures.size > MOST_ENTRIES && oldest !== undefined) pictures.delete(oldest);
  return picture;
}

async function fetchPicture(id: string): Promise<string | undefined> {
  if (fetching < MOST_AT_ONCE) fetching++;
  else await new Promise<void>((resolve) => waiting.push(resolve)); // until one that is done hands its place on
  const { value } = await ask<EntryWithPicture>('GET', `api/events/${id}`);
  const next = waiting.shift();
  if (next) next();
  else fetching--;
  if (!value) pictures.delete(id);
  return value?.spectrogram;
}
