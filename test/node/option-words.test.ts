import { expect, expectTypeOf, test } from 'vitest';
import { type TablecastError, isTablecastError, openNode } from '../../src/index.ts';

async function failureOf(options: unknown): Promise<TablecastError> {
  try {
    await (await openNode(options as never)).close();
  } catch (error) {
    if (isTablecastError(error)) return error;
    throw error;
  }
  throw new Error('It did not fail.');
}

/** Words of the validator, which say nothing to who wrote the option. */
const VALIDATORS_WORDS = /expects|Expected|Array|Object|Function|\| |undefined|"id"|"port"|>=|<=|\/\^/;

const NUMBER = [0, -1, 1.5, Number.NaN, '7', {}, true];
const PORT = [-1, 1.5, 70_000, '7', {}, undefined];
const TEXT = ['', 7, {}, []];
const OBJECT = [7, 'text'];

/** Values that each option does not take. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  id: [undefined, 7, null, {}],
  directory: TEXT,
  durability: ['always', 7, null],
  failureMode: ['keep', 7],
  listen: OBJECT,
  'listen.port': PORT,
  'listen.host': TEXT,
  'listen.tls': OBJECT,
  'listen.tls.cert': [7, {}, undefined],
  'listen.hosts': ['text', [7], ['']],
  'listen.origins': ['text', [7]],
  backends: [7, { own: 7 }],
  transports: [7, [7]],
  tracing: [7, {}],
  peers: ['ws://b', [7], ['b:1'], Array.from({ length: 65 }, () => 'ws://b')],
  auth: OBJECT,
  'auth.token': TEXT,
  'auth.dialToken': TEXT,
  'auth.credentials': [7, ['text']],
  'auth.verify': [7, 'text'],
  'auth.ca': [7, {}],
  health: OBJECT,
  'health.port': PORT,
  'health.host': TEXT,
  http: OBJECT,
  'http.port': PORT,
  'http.host': TEXT,
  'http.health': [7, 'yes'],
  'http.limits': OBJECT,
  retention: OBJECT,
  'retention.age': [-1, {}, true],
  'retention.bytes': NUMBER,
  'retention.operations': NUMBER,
  sql: [false, '', 7],
  limits: OBJECT,
  'limits.maxPeers': NUMBER,
  'limits.maxFileBytes': NUMBER,
  zeek: [7, 'ws://b'],
};

function optionsWith(path: string, value: unknown): unknown {
  const around: Readonly<Record<string, object>> = {
    listen: { port: 0 },
    health: { port: 0 },
    http: { port: 0 },
  };
  const [first = '', ...rest] = path.split('.');
  const inner = rest.reduceRight<unknown>((held, name) => ({ [name]: held }), value);
  const held = rest.length === 0 ? inner : { ...around[first], ...(inner as object) };
  return { id: 'a', [first]: held };
}

const CASES = Object.entries(WRONG).flatMap(([path, values]) =>
  values
    .filter((value) => value !== undefined || ['id', 'listen.port', 'listen.tls.cert'].includes(path))
    .map((value) => [path, value] as const),
);

test.each(CASES)(
  'option %s that is %j is told in words, with its path and an example',
  async (path, value) => {
    const { code, message, hint, details } = await failureOf(optionsWith(path, value));
    expect(code).toBe('OPTION_INVALID');
    expect(String(details['option'])).toContain(path);
    expect(message).toContain(`Option ${path}`);
    expect(`${message} ${hint}`).not.toMatch(VALIDATORS_WORDS);
    expect(hint).toMatch(/^For example: \S/);
  },
);

test('an option that there is not is told with those there are, and the one that was meant', async () => {
  const { message, hint } = await failureOf({ id: 'a', durabilty: 'commit' });
  expect(message).toBe('Option durabilty is not an option.');
  expect(hint).toContain("Did you mean 'durability'?");
});

test('what was given in the wrong place is not repeated, as it may be a secret', async () => {
  const { message, hint } = await failureOf({ id: 'a', listen: 'hunter2' });
  expect(`${message} ${hint}`).not.toContain('hunter2');
});

test('an error narrows by its code', () => {
  const error: unknown = new Error('none of ours');
  if (isTablecastError(error, 'CLOSED')) expectTypeOf(error.code).toEqualTypeOf<'CLOSED'>();
  expect(isTablecastError(error)).toBe(false);
});
