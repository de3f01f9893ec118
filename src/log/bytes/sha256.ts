/** The round constants of SHA-256: fractional parts of the cube roots of the first 64 primes. */
const ROUNDS: Int32Array = fractions(64, 1 / 3);
const INITIAL: Int32Array = fractions(8, 1 / 2);
const BLOCK_BYTES = 64;
/** A block's words, used for each block anew. */
const words: Int32Array = new Int32Array(64);

function fractions(count: number, power: number): Int32Array {
  const found: number[] = [];
  for (let candidate = 2; found.length < count; candidate++) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor++)
      if (candidate % divisor === 0) prime = false;
    if (prime) found.push((candidate ** power % 1) * 0x100000000);
  }
  return Int32Array.from(found, (fraction) => fraction | 0);
}

/** Bytes that are hashed in one step of {@link sha256InSteps}: a few milliseconds. */
const STEP_BYTES: number = 256 * 1024;
/** Bytes that are hashed in a microsecond on a slow machine. */
const BYTES_PER_UNIT = 64;

/**
 * SHA-256 of `bytes` from `start` to `end`, 32 bytes. Synchronous and of this package, because the
 * same code has to run in a browser; about 100 MB/s.
 */
export function sha256(bytes: Uint8Array, start = 0, end: number = bytes.length): Uint8Array {
  const state = INITIAL.slice();
  const tail = end - ((end - start) % BLOCK_BYTES);
  for (let at = start; at < tail; at += BLOCK_BYTES) block(state, bytes, at);
  return digest(state, bytes, { start, tail, end });
}

/**
 * Returns the same in steps, each of which says how many microseconds it took at most; `bytes` must not
 * change meanwhile.
 */
export function* sha256InSteps(bytes: Uint8Array, start: number): Generator<number, Uint8Array, undefined> {
  const state = INITIAL.slice();
  const end = bytes.length;
  const tail = end - ((end - start) % BLOCK_BYTES);
  let done = start;
  for (let at = start; at < tail; at += BLOCK_BYTES) {
    block(state, bytes, at);
    if (at - done < STEP_BYTES) continue;
    yield Math.ceil((at - done) / BYTES_PER_UNIT);
    done = at;
  }
  yield 1 + Math.ceil((end - done) / BYTES_PER_UNIT);
  return digest(state, bytes, { start, tail, end });
}

/** Hashes what is left of the bytes from `tail` on, and their length. */
function digest(
  state: Int32Array,
  bytes: Uint8Array,
  { start, tail, end }: { readonly start: number; readonly tail: number; readonly end: number },
): Uint8Array {
  const length = end - start;
  const last = new Uint8Array(end - tail < BLOCK_BYTES - 8 ? BLOCK_BYTES : 2 * BLOCK_BYTES);
  last.set(bytes.subarray(tail, end));
  last[end - tail] = 0x80;
  const view = new DataView(last.buffer);
  view.setUint32(last.length - 8, Math.floor(length / 0x20000000));
  view.setUint32(last.length - 4, (length << 3) >>> 0);
  for (let at = 0; at < last.length; at += BLOCK_BYTES) block(state, last, at);
  const out = new DataView(new ArrayBuffer(32));
  for (let index = 0; index < 8; index++) out.setInt32(index * 4, state[index] as number);
  return new Uint8Array(out.buffer);
}

function expand(bytes: Uint8Array, start: number): void {
  for (let index = 0, at = start; index < 16; index++, at += 4) {
    words[index] =
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number);
  }
  for (let index = 16; index < 64; index++) {
    const near = words[index - 2] as number;
    const far = words[index - 15] as number;
    const one = ((near >>> 17) | (near << 15)) ^ ((near >>> 19) | (near << 13)) ^ (near >>> 10);
    const other = ((far >>> 7) | (far << 25)) ^ ((far >>> 18) | (far << 14)) ^ (far >>> 3);
    words[index] = (one + (words[index - 7] as number) + other + (words[index - 16] as number)) | 0;
  }
}

function block(state: Int32Array, bytes: Uint8Array, start: number): void {
  expand(bytes, start);
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  let e = state[4] as number;
  let f = state[5] as number;
  let g = state[6] as number;
  let h = state[7] as number;
  for (let index = 0; index < 64; index++) {
    const high = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const chosen = (e & f) ^ (~e & g);
    const one = (h + high + chosen + (ROUNDS[index] as number) + (words[index] as number)) | 0;
    const low = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const most = (a & b) ^ (a & c) ^ (b & c);
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + low + most) | 0;
  }
  state[0] = (state[0] as number) + a;
  state[1] = (state[1] as number) + b;
  state[2] = (state[2] as number) + c;
  state[3] = (state[3] as number) + d;
  state[4] = (state[4] as number) + e;
  state[5] = (state[5] as number) + f;
  state[6] = (state[6] as number) + g;
  state[7] = (state[7] as number) + h;
}
