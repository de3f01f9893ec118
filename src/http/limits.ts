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
  /**
   * Bounds the requests with which one holder, or all who need none, reads in a second on average, with as many at
   * once. Default 10,000.
   */
  readonly maxReadsPerSecond: number;
  /**
   * Bounds the operations that one holder, or all who need none, writes in a second on average, with as many at once.
   * Default 100,000.
   */
  readonly maxWritesPerSecond: number;
  /** Bounds the bytes of bodies of one holder's requests that are not answered. Default 64 MiB. */
  readonly maxWaitingBytes: number;
}

/** The options bound what strangers and holders of credentials can take up: members left out have their default. */
export type HttpLimitOptions = { readonly [Name in keyof HttpLimits]?: number | undefined };

const DEFAULTS: HttpLimits = {
  maxBodyBytes: 4 * 1024 * 1024,
  maxSockets: 4096,
  maxStreams: 2048,
  maxStreamsPerHolder: 1024,
  maxReadsPerSecond: 10_000,
  maxWritesPerSecond: 100_000,
  maxWaitingBytes: 64 * 1024 * 1024,
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

/** Bounds the time of a query in SQL, in milliseconds, and the rows of its answer. */
export const MAX_QUERY_MS = 10_000;
export const MAX_QUERY_ROWS = 10_000;

/** Entries of a page. */
export const MAX_PAGE = 1000;
export const DEFAULT_PAGE = 100;
/** Operations of a batch: as many as `node.batch` takes. */
export const MAX_BATCH = 16_384;

/** A request that waits counts as so many bytes at least. */
export const MIN_WAITING_BYTES = 16_384;
/** Holders whose budget is remembered; the one that asked longest ago is forgotten, and has a full one again. */
export const MAX_BUDGETS = 4096;
/** Lists of rows that are paged through at one time. */
export const MAX_LISTINGS = 4;
/** Past states and differences of tables that are paged through at one time; each holds all rows of a table. */
export const MAX_STATES = 4;
/** Histories of keys that are paged through at one time. */
export const MAX_HISTORIES = 4;
/** Plans of an undo that are kept for paging, and made at one time. */
export const MAX_PLANS = 4;
/** Requests that wait for one of these to be made; as many are made at one time as are kept. */
export const MAX_WAITING = 64;
/** These are kept for so long after they were last asked for, in milliseconds. */
export const RECENT_MS = 60_000;
/** The newest operations of a key that its history tells. */
export const MAX_HISTORY = 10_000;
/** Longest text that is searched for, in characters. */
export const MAX_SEARCH = 1024;
/** Stretches of the log whose operations are counted one by one; in a longer log each stands for more of it. */
export const MAX_COUNTED = 65_536;
/** Authors of tables that are told apart in rates; those beyond are told as one. */
export const MAX_SERIES = 1024;
