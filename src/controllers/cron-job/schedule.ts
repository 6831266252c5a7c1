/** Minutes of a cron expression (robfig/cron's standard parser, which upstream uses): five fields or a descriptor. */
export interface Schedule {
  /** The first minute after `after` (milliseconds); undefined when there is none within five years. */
  next(after: number): number | undefined;
}

const FIELDS = [
  { name: 'minute', min: 0, max: 59, names: [] },
  { name: 'hour', min: 0, max: 23, names: [] },
  { name: 'day of month', min: 1, max: 31, names: [] },
  {
    name: 'month',
    min: 1,
    max: 12,
    names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  },
  { name: 'day of week', min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
] as const;
type Field = (typeof FIELDS)[number];

const DESCRIPTORS: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const HORIZON_DAYS = 5 * 366;

/** Parses a schedule in a time zone (IANA name). Throws RangeError for what it does not understand. */
export function parseSchedule(text: string, timeZone: string): Schedule {
  const every = /^@every (?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text);
  if (every !== null) return everySchedule(text, every);
  const expanded = DESCRIPTORS[text] ?? text;
  const parts = expanded.trim().split(/\s+/);
  if (parts.length !== 5) throw new RangeError(`expected exactly 5 fields, found ${parts.length}: [${text}]`);
  const sets = parts.map((part, i) => parseField(part, FIELDS[i]!));
  const [minutes, hours, daysOfMonth, months, daysOfWeek] = sets as [Bits, Bits, Bits, Bits, Bits];
  const wall = wallClock(timeZone);
  const matchesDay = ({ month, day, weekday }: Wall) => {
    if (!months.values.has(month)) return false;
    const inMonth = daysOfMonth.values.has(day);
    const inWeek = daysOfWeek.values.has(weekday);
    // Both restricted: either is enough, as cron has always had it.
    return daysOfMonth.star || daysOfWeek.star ? inMonth && inWeek : inMonth || inWeek;
  };
  return {
    next(after) {
      let time = Math.floor(after / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
      const end = after + HORIZON_DAYS * DAY_MS;
      while (time <= end) {
        const now = wall(time);
        if (!matchesDay(now))
          time += MINUTE_MS * (60 - now.minute + (now.hour < 22 ? (22 - now.hour) * 60 : 0));
        else if (!hours.values.has(now.hour)) time += MINUTE_MS * (60 - now.minute);
        else if (!minutes.values.has(now.minute)) time += MINUTE_MS;
        else return time;
      }
      return undefined;
    },
  };
}

function everySchedule(text: string, [, h, m, s]: RegExpExecArray): Schedule {
  const seconds = Number(h ?? 0) * 3600 + Number(m ?? 0) * 60 + Number(s ?? 0);
  if (seconds === 0) throw new RangeError(`failed to parse duration ${text}`);
  return { next: (after) => Math.floor(after / 1000) * 1000 + seconds * 1000 };
}

interface Bits {
  values: Set<number>;
  /** The field restricts nothing. */
  star: boolean;
}

function parseField(text: string, field: Field): Bits {
  const bits: Bits = { values: new Set(), star: false };
  for (const part of text.split(',')) {
    const [range = '', step, ...more] = part.split('/');
    if (more.length > 0) throw new RangeError(`too many slashes: ${part}`);
    const { from, to, star } = parseRange(range, field, step !== undefined);
    const by = step === undefined ? 1 : number(step, part);
    if (by === 0) throw new RangeError(`step of range should be a positive number: ${part}`);
    for (let value = from; value <= to; value += by) bits.values.add(value);
    bits.star ||= star && by === 1;
  }
  return bits;
}

function parseRange(
  text: string,
  field: Field,
  hasStep: boolean,
): { from: number; to: number; star: boolean } {
  if (text === '*' || text === '?') return { from: field.min, to: field.max, star: true };
  const [first = '', last, ...more] = text.split('-');
  if (more.length > 0) throw new RangeError(`too many hyphens: ${text}`);
  const from = value(first, field);
  const to = last === undefined ? (hasStep ? field.max : from) : value(last, field);
  if (from < field.min)
    throw new RangeError(`beginning of range (${from}) below minimum (${field.min}): ${text}`);
  if (to > field.max) throw new RangeError(`end of range (${to}) above maximum (${field.max}): ${text}`);
  if (from > to) throw new RangeError(`beginning of range (${from}) beyond end of range (${to}): ${text}`);
  return { from, to, star: false };
}

function value(text: string, field: Field): number {
  const named = (field.names as readonly string[]).indexOf(text.toLowerCase());
  return named >= 0 ? named + field.min : number(text, text);
}

function number(text: string, of: string): number {
  if (!/^\d+$/.test(text)) throw new RangeError(`failed to parse int from ${text}: ${of}`);
  return Number(text);
}

interface Wall {
  month: number;
  day: number;
  weekday: number;
  hour: number;
  minute: number;
}

/** What a clock on the wall of a time zone shows. Throws RangeError for a zone that does not exist. */
function wallClock(timeZone: string): (time: number) => Wall {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    weekday: 'short',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const weekdays: readonly string[] = FIELDS[4].names;
  return (time) => {
    const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value: text }) => [type, text]));
    return {
      month: Number(parts['month']),
      day: Number(parts['day']),
      weekday: weekdays.indexOf((parts['weekday'] ?? '').toLowerCase()),
      hour: Number(parts['hour']),
      minute: Number(parts['minute']),
    };
  };
}
