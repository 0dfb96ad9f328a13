import { ExitCode, UserError } from '../errors.js';

/** A stretch of a recording that someone has labelled; seconds from its start. */
export interface LabelledEvent {
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly label: string;
}

/** An alarm of the decision stage; `endSeconds` is when it went out. */
export interface Alarm {
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** What it is about: the impact, where the silence or a voice after that made it an alarm. */
  readonly heardSeconds: number;
  readonly label: string;
  readonly confidence: number;
  /** Kind of event; undefined where none stands out, or the model has no event head. */
  readonly kind?: string | undefined;
}

/**
 * Reads the labels of a recording: Audacity's (`start TAB end TAB label`, as it exports them, with or without the
 * lines that begin with a backslash and give frequencies) or CSV with the header `start,end,label`. Times are
 * seconds.
 *
 * @throws UserError bad data, with the line that does not fit
 */
export function parseLabels(text: string, path: string): LabelledEvent[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const header = lines[0]?.split(',').map((name) => unquoted(name).toLowerCase()) ?? [];
  const columns = ['start', 'end', 'label'].map((name) => header.indexOf(name));
  const isCsv = !columns.includes(-1);
  const events: LabelledEvent[] = [];
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '' || line.startsWith('\\') || (isCsv && i === 0)) continue;
    const fields = isCsv ? csvFields(line) : line.split('\t');
    const [start, end, label] = isCsv ? columns.map((column) => fields[column]) : fields;
    const [startSeconds, endSeconds] = [seconds(start), seconds(end)];
    if (!(startSeconds >= 0 && endSeconds >= startSeconds && Number.isFinite(endSeconds)) || !label?.trim())
      throw new UserError(
        ExitCode.badData,
        `${path}, line ${i + 1}: expected start, end and a label, found "${line.slice(0, 80)}"`,
        'Write seconds: an Audacity label file (start TAB end TAB label), or CSV that begins with start,end,label.',
      );
    events.push({ startSeconds, endSeconds, label: label.trim() });
  }
  return events.sort((a, b) => a.startSeconds - b.startSeconds);
}

export interface EventMatch {
  /** For each event, how long after its start the alarm was on; undefined where none came. */
  readonly delaysSeconds: readonly (number | undefined)[];
  /** Alarms that no event explains. */
  readonly falseAlarms: readonly Alarm[];
}

/**
 * Which alarms are right, and which events are found. An alarm is right when what it is about was heard within an event,
 * or within `collarSeconds` before or after it: labels are set by hand, and a window is decided at its end. An event is
 * found when there is such an alarm, or when a right one is still on as it begins: while one is on, no other can start.
 * Which alarm class an alarm names does not matter.
 */
export function matchEvents(
  events: readonly LabelledEvent[],
  alarms: readonly Alarm[],
  collarSeconds: number,
): EventMatch {
  const isAbout = ({ heardSeconds }: Alarm, event: LabelledEvent) =>
    heardSeconds >= event.startSeconds - collarSeconds && heardSeconds <= event.endSeconds + collarSeconds;
  const isOnAtStart = (alarm: Alarm, event: LabelledEvent) =>
    alarm.startSeconds <= event.startSeconds && alarm.endSeconds >= event.startSeconds;
  const isRight = (alarm: Alarm) => events.some((event) => isAbout(alarm, event));
  const right = alarms.filter(isRight);
  return {
    delaysSeconds: events.map((event) => {
      const found = right.find((alarm) => isAbout(alarm, event) || isOnAtStart(alarm, event));
      return found && Math.max(0, found.startSeconds - event.startSeconds);
    }),
    falseAlarms: alarms.filter((alarm) => !right.includes(alarm)),
  };
}

function seconds(text: string | undefined): number {
  return text?.trim() ? Number(text) : Number.NaN;
}

/** Fields of a CSV line; quotes may hold commas and doubled quotes. */
function csvFields(line: string): string[] {
  return Array.from(line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g), ([, field]) => unquoted(field ?? ''));
}

function unquoted(field: string): string {
  const text = field.trim();
  return text.startsWith('"') && text.endsWith('"') && text.length > 1
    ? text.slice(1, -1).replaceAll('""', '"')
    : text;
}
