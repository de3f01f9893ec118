/** A sample is how many bytes there were at a second. */
export type Sample = readonly [second: number, bytes: number];

/** By how much bytes grow with each second, fitted to the second half of the samples. */
export function slopeOfSecondHalf(all: readonly Sample[]): number {
  const samples = all.slice(all.length / 2);
  const mean = (numbers: readonly number[]): number =>
    numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
  const [x, y] = [mean(samples.map(([second]) => second)), mean(samples.map(([, bytes]) => bytes))];
  const over = samples.reduce((sum, [second, bytes]) => sum + (second - x) * (bytes - y), 0);
  return over / samples.reduce((sum, [second]) => sum + (second - x) ** 2, 0);
}
