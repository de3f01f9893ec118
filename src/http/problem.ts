import { fromFailure, toFailure, type ErrorCode, isTablecastError } from '../errors.ts';

/** Codes of problems that only HTTP has; all others are those of {@link TablecastError}. */
export const HTTP_CODES = {
  REQUEST_INVALID: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  GONE: 410,
  ROW_DIFFERS: 412,
  BODY_TOO_LONG: 413,
  BODY_TYPE: 415,
  TOO_MANY: 429,
  FAILED: 500,
  NOT_OPEN: 503,
} as const;

/** One of {@link HTTP_CODES}. */
export type HttpCode = keyof typeof HTTP_CODES;

/** The status that an error of the node is answered with. */
const STATUS_OF: Readonly<Record<ErrorCode, number>> = {
  DECLARATION_INVALID: 400,
  DECLARATION_DIFFERS: 409,
  KEY_INVALID: 400,
  VALUE_INVALID: 400,
  INTEGER_TOO_LARGE: 500,
  OPTION_INVALID: 400,
  OPERATION_INVALID: 400,
  FRAME_INVALID: 400,
  LIMIT_EXCEEDED: 503,
  BACKEND_FOREIGN: 500,
  BACKEND_NEWER: 500,
  BACKEND_DAMAGED: 500,
  BACKEND_READ_ONLY: 507,
  BACKEND_IN_USE: 500,
  BACKEND_FULL: 507,
  BACKEND_FAILED: 507,
  LOG_TRIMMED: 410,
  PEER_UNREACHABLE: 502,
  PEER_REFUSED: 502,
  PEERS_BEHIND: 504,
  LISTEN_FAILED: 500,
  IMPORT_INVALID: 400,
  CLOCK_AHEAD: 503,
  SIMULATION_FAILED: 500,
  VIEW_FAILED: 500,
  CLOSED: 503,
};

/** The facts are what a problem says beside its code. */
export interface ProblemFacts {
  readonly hint: string;
  readonly retryable?: boolean | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Thrown by what answers a request; becomes the answer. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: string;
  readonly status: number;
  readonly facts: ProblemFacts;

  constructor(code: HttpCode, message: string, facts: ProblemFacts) {
    super(message);
    this.code = code;
    this.status = HTTP_CODES[code];
    this.facts = facts;
  }
}

/** An answer of type `application/problem+json`. */
export interface ProblemAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** The answer that an error becomes. Of what is no error of ours nothing is told but that it happened. */
export function problemAnswer(error: unknown): ProblemAnswer {
  if (error instanceof Problem) return answerOf(error.status, error.code, error.message, error.facts);
  if (isTablecastError(error)) return answerOf(STATUS_OF[error.code], error.code, error.message, error);
  const framework = ofFramework(error);
  return framework ?? answerOf(500, 'FAILED', 'This request could not be answered.', UNKNOWN);
}

const UNKNOWN: ProblemFacts = {
  hint: 'This is a mistake of the node: please report it, with the request.',
};

/** Makes a problem of what Fastify refuses by itself. */
function ofFramework(error: unknown): ProblemAnswer | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return answerOf(413, 'BODY_TOO_LONG', 'The body is longer than maxBodyBytes.', {
        hint: 'Write less at a time, or raise http.limits.maxBodyBytes.',
      });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_EMPTY_TYPE':
      return answerOf(415, 'BODY_TYPE', 'The body is not application/json.', {
        hint: 'Send JSON, with the header Content-Type: application/json.',
      });
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return answerOf(400, 'REQUEST_INVALID', 'The body is not as long as Content-Length says.', {
        hint: 'Leave Content-Length to the client library.',
      });
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return answerOf(400, 'REQUEST_INVALID', 'The path is not percent-encoded UTF-8, or too long.', {
        hint: 'Encode each part with encodeURIComponent, or urllib.parse.quote(part, safe="").',
      });
    default:
      return undefined;
  }
}

function answerOf(
  status: number,
  code: string,
  detail: string,
  { hint, retryable = false, details, headers = {} }: ProblemFacts,
): ProblemAnswer {
  const shown = details === undefined || Object.keys(details).length === 0 ? {} : { details };
  const problem = {
    type: `urn:tablecast:problem:${code}`,
    title: titleOf(code),
    status,
    detail,
    code,
    hint,
    retryable,
  };
  return { status, headers, text: `${JSON.stringify({ ...problem, ...shown })}\n` };
}

/** `LOG_TRIMMED` as words. */
function titleOf(code: string): string {
  return code.charAt(0) + code.slice(1).toLowerCase().replaceAll('_', ' ');
}

/** A request that says something it cannot say. */
export function invalidRequest(message: string, hint: string): Problem {
  return new Problem('REQUEST_INVALID', message, { hint });
}

/** For a request without a credential that this node knows, or knows any more. */
export function unauthorized(): Problem {
  return new Problem('UNAUTHORIZED', 'A valid credential is required.', {
    hint: 'Send the header Authorization: Bearer TOKEN, with auth.token of the node or the token of a credential.',
    headers: { 'www-authenticate': 'Bearer' },
  });
}

/** The same for a table that is not there and for one that the credential may not know of. */
export function noTable(name: string): Problem {
  return new Problem('NOT_FOUND', `There is no table ${JSON.stringify(name)}.`, {
    hint: 'GET /v1/tables lists the tables that the credential shown may read.',
  });
}

/** For a disk that takes nothing: what was written stands in the table all the same. */
export function notDurable(error: unknown): unknown {
  if (!isTablecastError(error)) return error;
  const message = `It was written, and is not durable: ${error.message}`;
  const hint = `It stands in the table and is tried again as long as the node runs. ${error.hint}`;
  return fromFailure({ ...toFailure(error), message, hint }, error);
}
