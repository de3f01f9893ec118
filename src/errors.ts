/**
 * Lists the codes that a {@link TablecastError} can carry. They are stable: programs may compare them. Each has a page,
 * `docs/errors/CODE.md` of the package, which `tablecast explain CODE` prints.
 */
export const ERROR_CODES = [
  'DECLARATION_INVALID',
  'DECLARATION_DIFFERS',
  'KEY_INVALID',
  'VALUE_INVALID',
  'INTEGER_TOO_LARGE',
  'OPTION_INVALID',
  'OPERATION_INVALID',
  'FRAME_INVALID',
  'LIMIT_EXCEEDED',
  'BACKEND_FOREIGN',
  'BACKEND_NEWER',
  'BACKEND_DAMAGED',
  'BACKEND_READ_ONLY',
  'BACKEND_IN_USE',
  'BACKEND_FULL',
  'BACKEND_FAILED',
  'LOG_TRIMMED',
  'PEER_UNREACHABLE',
  'PEER_REFUSED',
  'PEERS_BEHIND',
  'LISTEN_FAILED',
  'IMPORT_INVALID',
  'CLOCK_AHEAD',
  'SIMULATION_FAILED',
  'VIEW_FAILED',
  'CLOSED',
] as const;

/** Is one of {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** The details are what an error says beside its message: only plain values, so that they can be logged as they are. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * A TablecastError is the one class of error that this package throws.
 *
 * `message` says what was wrong, where and with which value; `hint` says what to do next; `help` is the command that
 * prints the page of the code, without a network; `retryable` is true when the same call can succeed later without a
 * change by the caller.
 */
export class TablecastError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'TablecastError';
  readonly code: C;
  readonly hint: string;
  readonly help: string;
  readonly details: ErrorDetails;
  readonly retryable: boolean;

  constructor(
    code: C,
    message: string,
    options: {
      hint: string;
      details?: ErrorDetails | undefined;
      retryable?: boolean | undefined;
      cause?: unknown;
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.help = `npx tablecast explain ${code}`;
    this.details = options.details ?? {};
    this.retryable = options.retryable ?? false;
  }
}

/** Returns true for a {@link TablecastError}, of the given code if one is given. */
export function isTablecastError<C extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: C,
): error is TablecastError<C> {
  return error instanceof TablecastError && (code === undefined || error.code === code);
}
