/** A double is a whole number of these. */
const SMALLEST = 2 ** -1074;
/** Bits by which the units of fractions become finer. */
const FINER_BITS = 64;
/** Bits that a rounded number is made from: those of a double, and some that say how to round. */
const ROUNDED_BITS = 64;
/** Bits that a quotient has behind its point: enough to round from, whatever it is divided by. */
const QUOTIENT_BITS = 128;
const double = new DataView(new ArrayBuffer(8));

/**
 * The exact sum of numbers that come and go: the same whatever the order, as if it were computed anew. Whole numbers
 * add up as such, beyond 2^53 as a bigint; with others among them the sum is rounded to a double once, when it is read.
 */
export class ExactSum {
  /** Whole numbers while their sum is safe, and what went beyond. */
  #small = 0;
  #large = 0n;
  /** The others, in units of 2^-scale, and how many there are: units are as fine as any of them needed. */
  #fractions = 0n;
  #fractioned = 0;
  #scale = 0;
  #notNumbers = 0;
  #infinite = 0;
  #negativeInfinite = 0;

  add(value: number | bigint): void {
    this.#count(value, 1);
  }

  subtract(value: number | bigint): void {
    this.#count(value, -1);
  }

  #count(value: number | bigint, times: 1 | -1): void {
    if (typeof value === 'bigint') this.#large += times === 1 ? value : -value;
    else if (Number.isSafeInteger(value)) this.#addSmall(times * value);
    else if (Number.isNaN(value)) this.#notNumbers += times;
    else if (value === Infinity) this.#infinite += times;
    else if (value === -Infinity) this.#negativeInfinite += times;
    else this.#addFraction(value, times);
  }

  #addFraction(value: number, times: 1 | -1): void {
    const { mantissa, exponent } = partsOf(value);
    if (-exponent > this.#scale) {
      const scale = Math.ceil(-exponent / FINER_BITS) * FINER_BITS;
      this.#fractions <<= BigInt(scale - this.#scale);
      this.#scale = scale;
    }
    const units = mantissa << BigInt(this.#scale + exponent);
    this.#fractions += times === 1 ? units : -units;
    this.#fractioned += times;
    // What is left is nothing, in whatever units.
    if (this.#fractioned === 0) this.#scale = 0;
  }

  #addSmall(value: number): void {
    const sum = this.#small + value;
    if (Number.isSafeInteger(sum)) {
      this.#small = sum;
      return;
    }
    this.#large += BigInt(this.#small) + BigInt(value);
    this.#small = 0;
  }

  /** Is the sum: a bigint where it is a whole number beyond 2^53. */
  get value(): number | bigint {
    const special = this.#special;
    if (special !== undefined) return special;
    if (this.#fractioned > 0) return rounded(this.#units, -this.#scale);
    if (this.#large === 0n) return this.#small;
    const whole = this.#whole;
    const number = Number(whole);
    return Number.isSafeInteger(number) ? number : whole;
  }

  /** Returns the sum divided by how many there are, rounded once. */
  over(count: number): number {
    const special = this.#special;
    if (special !== undefined) return special;
    if (this.#fractioned === 0 && this.#large === 0n) return this.#small / count;
    const dividend = this.#units << BigInt(QUOTIENT_BITS);
    const quotient = dividend / BigInt(count);
    // What is left over only says to which side a half is rounded.
    const rest = quotient * BigInt(count) === dividend ? 0n : dividend < 0n ? -1n : 1n;
    return rounded(2n * quotient + rest, -this.#scale - QUOTIENT_BITS - 1);
  }

  get #whole(): bigint {
    return this.#large + BigInt(this.#small);
  }

  get #units(): bigint {
    return (this.#whole << BigInt(this.#scale)) + this.#fractions;
  }

  get #special(): number | undefined {
    const [up, down] = [this.#infinite > 0, this.#negativeInfinite > 0];
    if (this.#notNumbers > 0 || (up && down)) return NaN;
    if (up) return Infinity;
    return down ? -Infinity : undefined;
  }
}

/** A finite double as a whole number times a power of two. */
function partsOf(value: number): { readonly mantissa: bigint; readonly exponent: number } {
  double.setFloat64(0, value);
  const bits = double.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const low = bits & 0xf_ffff_ffff_ffffn;
  const size = biased === 0 ? low : low | (1n << 52n);
  return { mantissa: value < 0 ? -size : size, exponent: Math.max(biased, 1) - 1075 };
}

/** Returns `units` times 2^`exponent`, to the nearest double. */
function rounded(units: bigint, exponent: number): number {
  const size = units < 0n ? -units : units;
  const bits = 4 * size.toString(16).length;
  const surplus = Math.max(0, bits - ROUNDED_BITS);
  const top = size >> BigInt(surplus);
  const sticky = top << BigInt(surplus) === size ? 0n : 1n;
  const result = scaled(Number(top | sticky), exponent + surplus);
  return units < 0n ? -result : result;
}

/** Returns a number times 2^`exponent`, also where that power alone is too small for a double. */
function scaled(value: number, exponent: number): number {
  return exponent < -1074 ? value * 2 ** (exponent + 1074) * SMALLEST : value * 2 ** exponent;
}
