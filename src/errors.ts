/** Says how the details of an error are read; one with `?` is there only where it is known. */
interface DetailKinds {
  text: string;
  number: number;
  boolean: boolean;
  'number or text': number | string;
}

type DetailKind = keyof DetailKinds | `${keyof DetailKinds}?`;

/**
 * Lists the codes of errors, each with the details it can carry. The types below follow from it, and the pages in
 * docs/errors have to say the same.
 */
export const ERRORS = {
  DECLARATION_INVALID: {
    table: 'text?',
    option: 'text?',
    expected: 'text?',
    backend: 'text?',
    mode: 'text?',
  },
  DECLARATION_DIFFERS: { table: 'text?', before: 'text?', now: 'text?' },
  KEY_INVALID: { table: 'text', expected: 'text' },
  VALUE_INVALID: {
    table: 'text?',
    expected: 'text?',
    key: 'text?',
    type: 'text?',
    field: 'text?',
    found: 'text?',
  },
  INTEGER_TOO_LARGE: { table: 'text', member: 'text', value: 'text' },
  OPTION_INVALID: {
    option: 'text?',
    value: 'number or text?',
    table: 'text?',
    cluster: 'text?',
    createExpire: 'number or text?',
    mode: 'text?',
    file: 'text?',
    into: 'text?',
    name: 'text?',
  },
  OPERATION_INVALID: {
    table: 'text?',
    expected: 'text?',
    origin: 'text?',
    sequence: 'number?',
    own: 'boolean?',
  },
  FRAME_INVALID: { at: 'number?', length: 'number?' },
  LIMIT_EXCEEDED: {
    limit: 'number',
    table: 'text?',
    name: 'text?',
    file: 'text?',
    origin: 'text?',
    author: 'text?',
    after: 'number?',
    size: 'number?',
    length: 'number?',
    maxFrameBytes: 'number?',
    queuedBytes: 'number?',
    maxQueuedBytes: 'number?',
    waitingBytes: 'number?',
    operations: 'number?',
    tables: 'number?',
    bytes: 'number?',
    characters: 'number?',
    weight: 'number?',
    counter: 'number?',
    known: 'number?',
  },
  BACKEND_FOREIGN: { file: 'text?', owner: 'text?' },
  BACKEND_NEWER: { file: 'text', version: 'number' },
  BACKEND_DAMAGED: { file: 'text?', position: 'number?' },
  BACKEND_READ_ONLY: { file: 'text?' },
  BACKEND_IN_USE: { file: 'text?', table: 'text?', into: 'text?' },
  BACKEND_FULL: { file: 'text?', needed: 'number?', free: 'number?' },
  BACKEND_FAILED: { file: 'text?', table: 'text?', place: 'text?', code: 'text?' },
  LOG_TRIMMED: {
    after: 'number?',
    trimmedTo: 'number?',
    table: 'text?',
    origin: 'text?',
    sequence: 'number?',
    life: 'text?',
    position: 'number?',
  },
  PEER_UNREACHABLE: { address: 'text?', table: 'text?', from: 'text?' },
  PEER_REFUSED: { address: 'text?', table: 'text?', from: 'text?' },
  PEERS_BEHIND: { held: 'number', wanted: 'number or text', timeoutMs: 'number' },
  LISTEN_FAILED: { option: 'text?' },
  IMPORT_INVALID: {
    file: 'text?',
    line: 'number?',
    field: 'text?',
    reason: 'text?',
    expected: 'text?',
    found: 'text?',
    cause: 'text?',
    bytes: 'number?',
  },
  CLOCK_AHEAD: { table: 'text', origin: 'text', time: 'text', acceptableAt: 'text' },
  SIMULATION_FAILED: { seed: 'number', trace: 'text', repeats: 'boolean', atMs: 'number?' },
  VIEW_FAILED: { table: 'text', key: 'text?', function: 'text?' },
  CLOSED: { table: 'text?' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, DetailKind>>>>;

type Catalogue = typeof ERRORS;

/** Is one of {@link ERROR_CODES}. */
export type ErrorCode = keyof Catalogue;

/**
 * Lists the codes that a {@link TablecastError} can carry. They are stable: programs may compare them. Each has a page,
 * `docs/errors/CODE.md` of the package, which `tablecast explain CODE` prints.
 */
export const ERROR_CODES: readonly ErrorCode[] = Object.keys(ERRORS) as ErrorCode[];

type Kind<K> = K extends `${infer Name extends keyof DetailKinds}?`
  ? DetailKinds[Name] | undefined
  : K extends keyof DetailKinds
    ? DetailKinds[K]
    : never;

type Always<D> = { readonly [N in keyof D as D[N] extends keyof DetailKinds ? N : never]: Kind<D[N]> };
type Sometimes<D> = { readonly [N in keyof D as D[N] extends keyof DetailKinds ? never : N]?: Kind<D[N]> };

type DetailName = { [C in ErrorCode]: keyof Catalogue[C] }[ErrorCode];

/** Says of the details of other codes that they are not there, so that they can be asked for before the code is known. */
type NoOthers<D> = { readonly [N in Exclude<DetailName, keyof D>]?: undefined };

/**
 * The details are what an error says beside its message: only plain values, so that they can be logged as they are.
 * Which there are follows from the code.
 */
export type ErrorDetails<C extends ErrorCode = ErrorCode> = C extends ErrorCode
  ? Always<Catalogue[C]> & Sometimes<Catalogue[C]> & NoOthers<Catalogue[C]>
  : never;

/** An error of one code. */
interface CodedError<C extends ErrorCode> extends Error {
  readonly name: 'TablecastError';
  readonly code: C;
  readonly hint: string;
  readonly help: string;
  readonly details: ErrorDetails<C>;
  readonly retryable: boolean;
}

interface SaidBeside<C extends ErrorCode> {
  hint: string;
  details?: ErrorDetails<C> | undefined;
  retryable?: boolean | undefined;
  cause?: unknown;
}

/** Details that are always there cannot be left out. */
type ErrorOptions<C extends ErrorCode> = C extends ErrorCode
  ? object extends Always<Catalogue[C]>
    ? SaidBeside<C>
    : SaidBeside<C> & { details: ErrorDetails<C> }
  : never;

/**
 * A TablecastError is the one class of error that this package throws.
 *
 * `message` says what was wrong, where and with which value. `hint` says what to do next. `help` is the command
 * that prints the page of the code, without a network. `retryable` is true when the same call can succeed later
 * without a change by the caller. Comparing `code` says which `details` there are.
 */
export type TablecastError<C extends ErrorCode = ErrorCode> = C extends ErrorCode ? CodedError<C> : never;

/** The class, whose instances the compiler tells apart by their code. */
interface TablecastErrorClass {
  new <C extends ErrorCode>(code: C, message: string, options: ErrorOptions<C>): TablecastError<C>;
  readonly prototype: TablecastError;
}

/** Makes a {@link TablecastError}; `error instanceof TablecastError` says whether it is one. */
export const TablecastError = class extends Error {
  override readonly name = 'TablecastError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly help: string;
  readonly details: object;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, { hint, details, retryable, cause }: SaidBeside<ErrorCode>) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.help = `npx tablecast explain ${code}`;
    this.details = details ?? {};
    this.retryable = retryable ?? false;
  }
} as TablecastErrorClass;

/** Returns true for a {@link TablecastError}, of the given code if one is given. */
export function isTablecastError<C extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: C,
): error is TablecastError<C> {
  return error instanceof TablecastError && (code === undefined || error.code === code);
}

/** A {@link TablecastError} as plain data, to cross a thread. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly details: ErrorDetails;
  readonly retryable: boolean;
}

/** Returns the plain data of an error. */
export function toFailure({ code, message, hint, details, retryable }: TablecastError): Failure {
  return { code, message, hint, details, retryable };
}

/** Makes a new error from plain data; each promise that rejects gets its own. Code and details are taken as they come. */
export function fromFailure(failure: Failure, cause?: unknown): TablecastError {
  const { code, message, hint, details, retryable } = failure;
  return new TablecastError(code, message, { hint, details, retryable, cause } as ErrorOptions<ErrorCode>);
}
