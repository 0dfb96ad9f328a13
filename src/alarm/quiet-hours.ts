/** A part of the day, local time, in which only a higher score is a hit. */
export interface QuietHours {
  /** `22:00` */
  readonly from: string;
  /** `07:00`; before `from`, it is that of the next day. */
  readonly to: string;
  readonly threshold: number;
}

/** Local hours and minutes are taken anew each time, so that daylight saving time changes nothing. */
export function isQuiet({ from, to }: QuietHours, atMs: number): boolean {
  const date = new Date(atMs);
  const now = date.getHours() * 60 + date.getMinutes();
  const begin = minuteOfDay(from);
  const end = minuteOfDay(to);
  return begin < end ? now >= begin && now < end : now >= begin || now < end;
}

function minuteOfDay(time: string): number {
  const [hours, minutes] = time.split(':').map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
}
