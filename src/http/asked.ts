import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Viewer } from './admission.ts';
import type { HostedTable, HttpHost } from './host.ts';
import { DEFAULT_PAGE, MAX_PAGE } from './limits.ts';
import { Problem, invalidRequest, noTable } from './problem.ts';

/** One request, as the routes see it. */
export interface Asked {
  readonly viewer: Viewer;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Segments of the path as they were sent, and its query. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** Takes so many operations, beyond those in the body, out of the holder's budget: later writes wait for them. */
  wrote(this: void, operations: number): void;
}

/** An answer is JSON with a status of 200, unless it says otherwise. */
export interface Answer {
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Left out for an answer without a body. */
  readonly text?: string | undefined;
}

/** Answers one route; undefined once it has taken the response over. */
export type Handler = (asked: Asked) => Answer | undefined | Promise<Answer | undefined>;

/** Handlers by the ids of the operations in the OpenAPI document. */
export type Handlers = Readonly<Record<string, Handler>>;

/** An answer of JSON. */
export function json(content: unknown, headers?: Readonly<Record<string, string>>): Answer {
  return { text: JSON.stringify(content), headers };
}

/** The table that the path names. Throws the same problem for one that is not there and one that may not be known. */
export function tableOf(host: HttpHost, { segments, viewer }: Asked): HostedTable {
  const name = nameOf(segments[2] ?? '');
  const hosted = viewer.grant.mayRead(name) ? host.table(name) : undefined;
  if (hosted === undefined) throw noTable(name);
  return hosted;
}

/** Names of tables need no encoding: what cannot be decoded is none. */
function nameOf(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Throws a problem unless the credential may write a table that it may read. */
export function requireWrite({ grant }: Viewer, table: string): void {
  if (grant.mayWrite(table)) return;
  throw new Problem('FORBIDDEN', `The credential shown may not write table ${table}.`, {
    hint: 'Give its holder the right: auth.credentials, write.',
    details: { table },
  });
}

/** A whole number from 0 in the query. Throws a problem for anything else. */
export function wholeIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(number)) return number;
  throw invalidRequest(`${name} is ${JSON.stringify(text.slice(0, 40))}.`, 'Give a whole number from 0.');
}

/** A number in the query. Throws a problem for anything else. */
export function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const number = /^-?\d{1,16}(\.\d{1,9})?$/.test(text) ? Number(text) : NaN;
  if (Number.isFinite(number)) return number;
  throw invalidRequest(`${name} is ${JSON.stringify(text.slice(0, 40))}.`, 'Give a number.');
}

/** One of several words in the query. Throws a problem for anything else. */
export function wordIn<W extends string>(
  query: URLSearchParams,
  name: string,
  words: readonly W[],
): W | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const word = words.find((one) => one === text);
  if (word !== undefined) return word;
  throw invalidRequest(
    `${name} is ${JSON.stringify(text.slice(0, 40))}.`,
    `Give one of ${words.join(', ')}.`,
  );
}

/** A page says which part of a list is asked for. */
export interface Page {
  readonly after: number;
  readonly limit: number;
}

/** The page that a query asks for. Throws a problem. */
export function pageOf(query: URLSearchParams): Page {
  const limit = wholeIn(query, 'limit') ?? DEFAULT_PAGE;
  if (limit < 1 || limit > MAX_PAGE) {
    throw invalidRequest(`limit is ${limit}.`, `A page has 1 to ${MAX_PAGE} entries; next leads on.`);
  }
  return { after: wholeIn(query, 'after') ?? 0, limit };
}

/** The members `total` and `next` of an answer with a page of a list of so many. */
export function pageFacts(
  { request, query }: Asked,
  total: number,
  more: Readonly<Record<string, string>> = {},
): { readonly total: number; readonly next?: string } {
  const { after, limit } = pageOf(query);
  if (after + limit >= total) return { total };
  const rest = new URLSearchParams(query);
  for (const [name, value] of Object.entries(more)) rest.set(name, value);
  rest.set('after', String(after + limit));
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  return { total, next: `${path}?${rest.toString()}` };
}
