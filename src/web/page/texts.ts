import { computed, effect, signal } from '@preact/signals';
import { storage } from './storage.js';
import { en, type Texts } from './texts/en.js';

/** Every file of texts/ is a language, by its name: `de.ts`. */
const modules = import.meta.glob<Record<string, Texts>>('./texts/*.ts', { eager: true });
export const LANGUAGES: Readonly<Record<string, Texts>> = Object.fromEntries(
  Object.entries(modules).map(([path, module]) => {
    const code = path.replace(/^.*\/|\.ts$/g, '');
    return [code, module[code] ?? en];
  }),
);

const KEPT_AS = 'language';

function preferred(): string {
  const wanted = [storage()?.getItem(KEPT_AS) ?? '', ...navigator.languages];
  return wanted.map((tag) => tag.split('-')[0] ?? '').find((code) => code in LANGUAGES) ?? 'en';
}

export const language = signal(preferred());
const texts = computed(() => LANGUAGES[language.value] ?? en);
effect(() => {
  document.documentElement.lang = language.value;
});

/** What is said, in the language of the reader. */
export const t = (): Texts => texts.value;

export function speak(code: string): void {
  storage()?.setItem(KEPT_AS, code);
  language.value = code;
}

/** A name that the reader knows, or else the one that is given. */
export function nameOf(names: Readonly<Record<string, string>>, key: string): string {
  return Object.hasOwn(names, key) ? (names[key] as string) : key;
}

/** With a minus that is as wide as a digit. */
const number = (value: number, options: Intl.NumberFormatOptions) =>
  new Intl.NumberFormat(language.value, options).format(value).replace('-', '−');

export const decimal = (value: number, digits: number) =>
  number(value, { maximumFractionDigits: digits, minimumFractionDigits: digits });
export const percent = (value: number) => number(value, { style: 'percent', maximumFractionDigits: 0 });
export const decibels = (dbfs: number) => `${number(dbfs, { maximumFractionDigits: 0 })} dB`;

/** In gigabytes from one on. */
export const megabytes = (mb: number) => (mb < 1000 ? `${decimal(mb, 0)} MB` : `${decimal(mb / 1000, 1)} GB`);

export const timeOfDay = (ms: number) =>
  new Intl.DateTimeFormat(language.value, { timeStyle: 'medium' }).format(ms);
export const dateAndTime = (ms: number) =>
  new Intl.DateTimeFormat(language.value, { dateStyle: 'medium', timeStyle: 'medium' }).format(ms);

/** In the largest unit that there is at least one of. */
function inUnits(seconds: number): [value: number, unit: 'second' | 'minute' | 'hour' | 'day'] {
  const size = Math.abs(seconds);
  if (size < 60) return [Math.round(seconds), 'second'];
  if (size < 3600) return [Math.round(seconds / 60), 'minute'];
  return size < 86_400 ? [Math.round(seconds / 3600), 'hour'] : [Math.round(seconds / 86_400), 'day'];
}

export function duration(seconds: number): string {
  const [value, unit] = inUnits(seconds);
  return number(value, { style: 'unit', unit, unitDisplay: 'long' });
}

/** “3 minutes ago”. */
export function ago(seconds: number): string {
  const [value, unit] = inUnits(seconds);
  return new Intl.RelativeTimeFormat(language.value, { numeric: 'auto' }).format(-value, unit);
}
