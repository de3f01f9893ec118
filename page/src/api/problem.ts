/** Why the node did not do what it was asked for, in the node's own words where it answered. */
export class ApiProblem extends Error {
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The stable code of the error, such as `LOG_TRIMMED`; `NO_ANSWER` when there was none. */
  readonly code: string;
  /** What to do next. */
  readonly hint: string;

  constructor(status: number, code: string, words: { readonly message: string; readonly hint: string }) {
    super(words.message);
    this.status = status;
    this.code = code;
    this.hint = words.hint;
  }

  /** Anything that was thrown. */
  static of(error: unknown): ApiProblem {
    if (error instanceof ApiProblem) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new ApiProblem(0, 'NO_ANSWER', {
      message: `The node gives no answer (${message}).`,
      hint: 'Look whether its process runs. This page asks again by itself.',
    });
  }
}

/** What an answer of another status than 2xx says. Reads problem+json, and says so when it is something else. */
export async function problemIn(response: Response): Promise<ApiProblem> {
  const said: unknown = await response.json().catch(() => undefined);
  const { code, title, detail, hint } = (typeof said === 'object' && said !== null ? said : {}) as Record<
    string,
    unknown
  >;
  const message = [detail, title].find((text) => typeof text === 'string');
  return new ApiProblem(response.status, typeof code === 'string' ? code : `HTTP_${response.status}`, {
    message: message ?? `The node answered with status ${response.status}.`,
    hint: typeof hint === 'string' ? hint : '',
  });
}
