/** A row of a table inside a value. */
export interface ZeekEntry {
  readonly key: ZeekData;
  readonly value: ZeekData;
}

/**
 * A value as Zeek's data model has it, the same from the WebSocket API and from a Broker store.
 *
 * Integers are bigints within 64 bits, times nanoseconds since 1970, intervals nanoseconds,
 * addresses, subnets and ports canonical text. Records and patterns are vectors: only the
 * declaration tells them apart.
 */
export type ZeekData =
  | { readonly type: 'none' }
  | { readonly type: 'boolean'; readonly data: boolean }
  | { readonly type: 'count' | 'integer' | 'timestamp' | 'timespan'; readonly data: bigint }
  | { readonly type: 'real'; readonly data: number }
  | { readonly type: 'string' | 'address' | 'subnet' | 'port' | 'enum-value'; readonly data: string }
  | { readonly type: 'set' | 'vector'; readonly data: readonly ZeekData[] }
  | { readonly type: 'table'; readonly data: readonly ZeekEntry[] };

/** The value of an unset field, of a set's entry, of a change without a previous value. */
export const none: ZeekData = Object.freeze({ type: 'none' });

export const maxCount: bigint = 0xffff_ffff_ffff_ffffn;
const minInteger: bigint = -0x8000_0000_0000_0000n;
const maxInteger: bigint = 0x7fff_ffff_ffff_ffffn;

/** Returns true for a signed 64-bit integer: the range of int, time and interval. */
export function isInteger64(value: bigint): boolean {
  return value >= minInteger && value <= maxInteger;
}

export function vector(...data: readonly ZeekData[]): ZeekData {
  return { type: 'vector', data };
}

export function string(data: string): ZeekData {
  return { type: 'string', data };
}

export function count(data: bigint | number): ZeekData {
  return { type: 'count', data: BigInt(data) };
}
