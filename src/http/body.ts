import * as v from 'valibot';
import { faultOf } from '../options/checked-options.ts';
import { invalidRequest } from './problem.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The JSON of a body. Throws a problem for what is none, and for numbers that reading would change. */
export function jsonOf(bytes: Uint8Array): unknown {
  const text = textOf(bytes);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const where = error instanceof SyntaxError ? error.message.slice(0, 200) : '';
    throw invalidRequest(`The body is not JSON: ${where}`, 'Send one JSON value, encoded in UTF-8.');
  }
  const literals = text.match(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g) ?? [];
  const changed = literals.find((literal) => !isExact(literal));
  if (changed === undefined) return json;
  throw invalidRequest(
    `The number ${changed.slice(0, 100)} is beyond what a number keeps: integers up to 2^53, doubles up to 1.8e308.`,
    'Write its digits as text, in quotes.',
  );
}

function textOf(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw invalidRequest(
      'The body is not UTF-8.',
      'A byte of a byte string that is not UTF-8 is the code point U+F0000 + byte.',
    );
  }
}

/** False for an integer literal that a JavaScript number would change. */
function isExact(literal: string): boolean {
  if (literal.startsWith('"')) return true;
  const number = Number(literal);
  if (!Number.isFinite(number)) return false;
  if (!/^-?\d{16,}$/.test(literal)) return true;
  // JavaScript writes large doubles with the fewest digits that lead back to them.
  if (literal === String(number)) return true;
  return BigInt(literal) === BigInt(number);
}

/** The body as a route takes it. Throws a problem that names the member. */
export function checked<S extends v.GenericSchema>(schema: S, body: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, body ?? {});
  if (result.success) return result.output;
  const { path, problem, hint } = faultOf(schema, body ?? {}, result.issues[0], 'json');
  throw invalidRequest(
    `${path === '' ? 'The members of the body' : `Member ${path.slice(0, 100)} of the body`} ${problem}.`,
    `${hint} GET /v1/openapi.json says what each route takes.`,
  );
}
