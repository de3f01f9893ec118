import { signal } from '@preact/signals';
import { problemIn } from './problem.ts';

const TOKEN = 'tablecast-token';
/** An answer is waited for so long, in milliseconds; what takes longer is told as none. */
const ANSWER_MS = 30_000;

/** The secret this page shows to the node; kept until the browser's tab is closed, and nowhere else. */
export const token = signal<string | undefined>(sessionStorage.getItem(TOKEN) ?? undefined);

/** Shows another secret from now on; undefined: none. */
export function useToken(secret: string | undefined): void {
  if (secret === undefined) sessionStorage.removeItem(TOKEN);
  else sessionStorage.setItem(TOKEN, secret);
  token.value = secret;
}

/** What is asked for beside the path. */
export interface Asked {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly query?: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly abort?: AbortSignal | undefined;
}

/** A path of the API with its parts escaped, so that no name of a table or key can lead elsewhere. */
export function path(...parts: readonly string[]): string {
  return ['v1', ...parts.map(encodeURIComponent)].join('/');
}

/** The answer to a question, whose status is 2xx. Rejects with `ApiProblem`, or what `fetch` rejects with. */
export async function answer(where: string, asked: Asked = {}): Promise<Response> {
  const url = new URL(where, document.baseURI);
  for (const [name, value] of Object.entries(asked.query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) url.searchParams.append(name, String(one));
    }
  }
  const response = await fetch(url, {
    method: asked.method ?? 'GET',
    headers: {
      ...asked.headers,
      ...(token.value === undefined ? {} : { authorization: `Bearer ${token.value}` }),
      ...(asked.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
    ...(asked.abort === undefined ? {} : { signal: asked.abort }),
    cache: 'no-store',
    credentials: 'omit',
  });
  if (!response.ok) throw await problemIn(response);
  return response;
}

/** The JSON in the answer to a question. Rejects as {@link answer} does. */
export async function ask<T>(where: string, asked: Asked = {}): Promise<T> {
  const late = AbortSignal.timeout(ANSWER_MS);
  const abort = asked.abort === undefined ? late : AbortSignal.any([late, asked.abort]);
  const response = await answer(where, { ...asked, abort });
  return (await (response.status === 204 ? undefined : response.json())) as T;
}
