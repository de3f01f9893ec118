import type { IncomingMessage } from 'node:http';
import type { Answer } from './asked.ts';
import { allowedMethods } from './methods.ts';

const ALLOWED_HEADERS = 'authorization, content-type, if-match, if-none-match, last-event-id, prefer';
const SHOWN_HEADERS = 'etag, preference-applied, retry-after';

/** Headers that let a page of a listed Origin read the answer; none for any other. */
export function withOrigin(
  origin: string,
  origins: readonly string[] | undefined,
): Readonly<Record<string, string>> {
  if (!isListed(origin, origins)) return {};
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': SHOWN_HEADERS,
    vary: 'Origin',
  };
}

/** Answers what a browser asks before a request of another Origin; it carries no credential. */
export function preflight({ headers, url }: IncomingMessage, origins: readonly string[] | undefined): Answer {
  const { origin } = headers;
  const methods = allowedMethods((url ?? '').split('?', 1)[0] ?? '');
  if (origin === undefined || !isListed(origin, origins)) {
    return { status: 204, headers: { allow: ['OPTIONS', ...methods].join(', ') } };
  }
  return {
    status: 204,
    headers: {
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers': ALLOWED_HEADERS,
      'access-control-max-age': '600',
    },
  };
}

function isListed(origin: string, origins: readonly string[] = []): boolean {
  return origins.some((one) => one.toLowerCase() === origin.toLowerCase());
}
