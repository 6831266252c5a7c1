const TIME = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?(Z|[+-]\d{2}:\d{2})$/;
const CANONICAL = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;
/** Times that need no calendar to be judged: whatever the month, these days exist. */
const PLAIN =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.(\d{6}))?Z$/;

/** The instant of an RFC 3339 text as whole seconds since 1970 and nanoseconds; undefined when it is none. */
export function parseTime(text: string): { seconds: number; nanos: number } | undefined {
  const match = text.length > 64 ? null : TIME.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', zone] = match;
  const parts = [Number(month), Number(day), Number(hour), Number(minute), Number(second)] as const;
  if (!inRange(Number(year), ...parts)) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), parts[0] - 1, parts[1]);
  date.setUTCHours(parts[2], parts[3], parts[4]);
  const offset = zoneSeconds(zone!);
  if (offset === undefined) return undefined;
  const nanos = Number(fraction.slice(0, 9).padEnd(9, '0'));
  return { seconds: date.getTime() / 1000 - offset, nanos };
}

function inRange(year: number, month: number, day: number, hour: number, minute: number, second: number) {
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
  return day >= 1 && day <= days;
}

function zoneSeconds(zone: string): number | undefined {
  if (zone === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone[0] === '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

/** metav1.Time as Go writes it: UTC, whole seconds. */
export function formatTime(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, -5)}Z`;
}

/** metav1.MicroTime as Go writes it: UTC, six digits. */
export function formatMicroTime(seconds: number, nanos: number): string {
  const micros = String(Math.floor(nanos / 1000)).padStart(6, '0');
  return `${new Date(seconds * 1000).toISOString().slice(0, -5)}.${micros}Z`;
}

/** The text as Go would write it back, or undefined when it is no RFC 3339 time (or outside years 0 to 9999). */
export function canonicalTime(text: string, micro: boolean): string | undefined {
  const plain = PLAIN.exec(text);
  if (plain !== null && micro === (plain[1] !== undefined)) return text;
  const time = parseTime(text);
  if (time === undefined || time.seconds < -62167219200 || time.seconds > 253402300799) return undefined;
  if (!micro && CANONICAL.test(text)) return text;
  return micro ? formatMicroTime(time.seconds, time.nanos) : formatTime(time.seconds);
}
