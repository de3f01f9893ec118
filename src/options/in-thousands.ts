/** Writes a number for people, rounded to a whole one: `1,234,567`. */
export function inThousands(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
