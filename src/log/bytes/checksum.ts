import checksums from 'crc-32';

type Crc32 = (data: Uint8Array, value?: number) => number;

/** Below this many bytes a call into the platform costs more than it saves. */
const SHORT_BYTES = 64;

interface Platform {
  readonly process?: {
    getBuiltinModule?(name: string): { readonly crc32?: Crc32 } | undefined;
  };
}

/** The platform's own, about twenty times faster; a browser has none. */
const native: Crc32 | undefined = (globalThis as Platform).process?.getBuiltinModule?.('node:zlib')?.crc32;

/** CRC-32 (polynomial of ISO 3309) of some bytes, as an unsigned integer. */
export function crc32(bytes: Uint8Array): number {
  if (native !== undefined && bytes.length >= SHORT_BYTES) return native(bytes);
  return checksums.buf(bytes) >>> 0;
}
