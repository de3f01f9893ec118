const numbers = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A number with separators. */
export function count(value: number): string {
  return numbers.format(value);
}

/** A number in few characters, for axes and badges. */
export function brief(value: number): string {
  return short.format(value);
}

/** The singular or plural of a word, with its number. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Bytes in binary units. */
export function bytes(value: number): string {
  let unit = 0;
  let left = value;
  while (left >= 1024 && unit < UNITS.length - 1) {
    left /= 1024;
    unit++;
  }
  return `${left >= 100 || unit === 0 ? left.toFixed(0) : left.toFixed(1)} ${UNITS[unit] ?? ''}`;
}

/** A span of time in its two largest units. */
export function span(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 0) return `−${span(-milliseconds)}`;
  if (milliseconds < 1000)
    return `${milliseconds < 10 ? milliseconds.toFixed(1) : milliseconds.toFixed(0)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** A moment in the reader's own time zone, to the millisecond; today without the day. */
export function moment(milliseconds: number, now: number = Date.now()): string {
  const at = new Date(milliseconds);
  if (Number.isNaN(at.getTime())) return '—';
  const pad = (value: number, length = 2): string => String(value).padStart(length, '0');
  const clock = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`;
  if (at.toDateString() === new Date(now).toDateString()) return clock;
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${clock}`;
}

/** The same moment without doubt, for machines and hovering. */
export function exactly(milliseconds: number): string {
  const at = new Date(milliseconds);
  return Number.isNaN(at.getTime()) ? '' : at.toISOString();
}

/** The node of an origin, `nodeId@epoch`. */
export function nodeOf(origin: string): string {
  const at = origin.lastIndexOf('@');
  return at < 0 ? origin : origin.slice(0, at);
}
