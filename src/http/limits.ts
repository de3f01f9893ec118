/** The limits bound what strangers and holders of credentials can take up; see docs/operations.md. */
export interface HttpLimits {
  /** Bounds the bytes of a request's body. Default 4 MiB. */
  readonly maxBodyBytes: number;
  /** Bounds sockets at one time, those with streams included. Default 4,096. */
  readonly maxSockets: number;
  /** Bounds streams at one time, of all together. Default 2,048. */
  readonly maxStreams: number;
  /** Bounds streams at one time of one holder of a credential, or of all who need none. Default 1,024. */
  readonly maxStreamsPerHolder: number;
}

/** The options are {@link HttpLimits} as a user gives them: members left out have their default. */
export type HttpLimitOptions = { readonly [Name in keyof HttpLimits]?: number | undefined };

const DEFAULTS: HttpLimits = {
  maxBodyBytes: 4 * 1024 * 1024,
  maxSockets: 4096,
  maxStreams: 2048,
  maxStreamsPerHolder: 1024,
};

/** Fills in defaults. */
export function httpLimits(given: HttpLimitOptions = {}): HttpLimits {
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...DEFAULTS, ...Object.fromEntries(set) };
}

/** Longest head of a request, path and headers, in bytes: a key of 1,024 bytes takes three of them for each. */
export const MAX_HEAD_BYTES = 16_384;
/** Time for the head of a request, and for all of it, in milliseconds. */
export const HEAD_MS = 5000;
export const REQUEST_MS = 30_000;
/** Time between two requests on one socket. */
export const IDLE_MS = 5000;
/** Requests on one socket, after which it is closed. */
export const MAX_REQUESTS_PER_SOCKET = 100_000;

/** Entries of a page. */
export const MAX_PAGE = 1000;
export const DEFAULT_PAGE = 100;
/** Operations of a batch: as many as `node.batch` takes. */
export const MAX_BATCH = 16_384;
