/** Returns a double as valid JSON that Zeek takes for a double: shortest digits, always a point or an exponent. */
export function writeReal(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /^-?[0-9]+$/.test(text) ? `${text}.0` : text;
}

/** Returns a double as Zeek writes it: C's `%f`, six digits, halves to even, and `inf`, `-inf`, `nan`. */
export function writeZeekReal(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  if (size >= 2 ** 52) return `${sign}${BigInt(size)}.000000`;
  const rounded = size.toFixed(6);
  return sign + (isHalfUp(size, rounded) ? evenBelow(rounded) : rounded);
}

/** Returns true when `rounded` came from exactly half a step below it and ends in an odd digit. */
function isHalfUp(size: number, rounded: string): boolean {
  if (Number(rounded.at(-1)) % 2 === 0) return false;
  // A tie needs at most 7 binary digits more than the integer part, so 20 decimals show it whole.
  const exact = size.toFixed(20);
  return (
    exact.slice(exact.indexOf('.') + 7).startsWith('5') && /^50*$/.test(exact.slice(exact.indexOf('.') + 7))
  );
}

function evenBelow(rounded: string): string {
  return rounded.slice(0, -1) + String(Number(rounded.at(-1)) - 1);
}
