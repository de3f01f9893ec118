import { describe, expect, test } from 'vitest';
import { compileSchema, sameDeclaration } from '../../src/schema/index.ts';
import { expectRefusal } from './refusals.ts';

const compile = (declaration: unknown) => () => compileSchema('hosts', declaration);

describe('what a declaration may say', () => {
  test('one atomic key and value, or no value for a set, is enough', () => {
    const hosts = compileSchema('hosts', { key: 'addr', value: 'count' });
    expect(hosts).toMatchObject({
      isSet: false,
      composite: false,
      valueType: 'count',
      backend: 'memory',
      mode: 'naive',
    });
    expect(compileSchema('Demo::seen', { key: 'addr' })).toMatchObject({
      isSet: true,
      column: 'none',
      valueType: undefined,
    });
  });

  test('several key columns are accepted, and a list of one keeps keys as arrays', () => {
    expect(compileSchema('seen', { key: ['addr', 'port'] })).toMatchObject({
      composite: true,
      keyTypes: ['addr', 'port'],
    });
    const one = compileSchema('seen', { key: ['addr'] });
    expect(one.keyOf(one.keyText(['10.0.0.1']))).toEqual(['10.0.0.1']);
  });

  test('either expiry is accepted and read into milliseconds', () => {
    expect(compileSchema('a', { key: 'addr', createExpire: '1h' }).expiry).toEqual({
      kind: 'create',
      milliseconds: 3_600_000,
    });
    expect(compileSchema('a', { key: 'addr', writeExpire: 400 }).expiry).toEqual({
      kind: 'write',
      milliseconds: 400,
    });
  });

  test('complex values need the opt-in, wherever it stands', () => {
    expect(compileSchema('a', { key: 'addr', value: 'record', complexValues: true }).column).toBe('text');
    expect(compileSchema('a', { complexValues: true, value: 'record', key: 'addr' }).column).toBe('text');
  });

  test('undefined members count as left out', () => {
    expect(
      compileSchema('a', { key: 'addr', value: undefined, mode: undefined, readExpire: undefined }).isSet,
    ).toBe(true);
  });

  test('keys are their own text for one column of a text type only', () => {
    const textual = ['string', 'addr', 'subnet', 'port', 'enum', 'pattern'];
    for (const key of ['bool', 'count', 'int', 'double', 'time', 'interval', ...textual]) {
      expect([key, compileSchema('a', { key }).textKeys]).toEqual([key, textual.includes(key)]);
    }
    expect(compileSchema('a', { key: ['string'] }).textKeys).toBe(false);
  });
});

describe('what a declaration may not say', () => {
  test.each(['record', 'set', 'vector', 'table', 'any'])(
    'the value type %s without complexValues names the rule and the opt-in',
    (value) => {
      expectRefusal(
        compile({ key: 'addr', value }),
        'DECLARATION_INVALID',
        /'hosts'|"hosts"/,
        /values are atomic/,
        new RegExp(value),
        /complexValues: true/,
      );
    },
  );

  test.each(['record', 'table', 'any'])('the complex type %s as key', (key) => {
    expectRefusal(
      compile({ key, complexValues: true }),
      'DECLARATION_INVALID',
      /keys are atomic/,
      new RegExp(`'${key}'`),
    );
    expectRefusal(compile({ key: ['addr', key] }), 'DECLARATION_INVALID', /keys are atomic/);
  });

  test('readExpire, and callbacks that could veto an expiry, each with the reason', () => {
    expectRefusal(
      compile({ key: 'addr', readExpire: '1h' }),
      'DECLARATION_INVALID',
      /readExpire/,
      /reads are not replicated/,
    );
    expectRefusal(
      compile({ key: 'addr', expireFunc: () => 0 }),
      'DECLARATION_INVALID',
      /expireFunc/,
      /callback/,
      /changes/,
    );
    expectRefusal(compile({ onExpire: () => 0, key: 'addr' }), 'DECLARATION_INVALID', /onExpire/, /callback/);
  });

  test('createExpire together with writeExpire', () => {
    expectRefusal(
      compile({ key: 'addr', createExpire: '1h', writeExpire: 5 }),
      'DECLARATION_INVALID',
      /both createExpire \("1h"\) and writeExpire \(5\)/,
    );
  });

  test.each([
    0,
    '0s',
    -1,
    '-5m',
    '3651d',
    1.5,
    Number.NaN,
    Infinity,
    'soon',
    '5',
    '',
    null,
    true,
    '0.5ms',
    '9'.repeat(99) + 'd',
  ])('an expiry of %s', (writeExpire) => {
    expectRefusal(compile({ key: 'addr', writeExpire }), 'DECLARATION_INVALID', /writeExpire/);
  });

  test('unknown types, with the nearest known one', () => {
    expectRefusal(
      compile({ key: 'adr' }),
      'DECLARATION_INVALID',
      /unknown type "adr" as key/,
      /Did you mean 'addr'/,
    );
    expectRefusal(
      compile({ key: 'addr', value: 'integer' }),
      'DECLARATION_INVALID',
      /as value/,
      /Did you mean 'int'/,
    );
    expectRefusal(compile({ key: 'address' }), 'DECLARATION_INVALID', /Did you mean 'addr'/);
    expectRefusal(compile({ key: 'addr', value: 'Boolean' }), 'DECLARATION_INVALID', /Did you mean 'bool'/);
    expectRefusal(compile({ key: 7 }), 'DECLARATION_INVALID', /unknown type 7/);
    expectRefusal(compile({ key: '__proto__' }), 'DECLARATION_INVALID', /unknown type/);
  });

  test('unknown members, by name', () => {
    expectRefusal(
      compile({ key: 'addr', vlaue: 'count' }),
      'DECLARATION_INVALID',
      /unknown member "vlaue"/,
      /Did you mean 'value'/,
    );
    expectRefusal(
      compile(JSON.parse('{"key":"addr","__proto__":1}')),
      'DECLARATION_INVALID',
      /unknown member "__proto__"/,
    );
  });

  test('a key that is missing, empty or of too many columns', () => {
    expectRefusal(compile({ value: 'count' }), 'DECLARATION_INVALID', /no key/);
    expectRefusal(compile({ key: [] }), 'DECLARATION_INVALID', /without columns/);
    expectRefusal(compile({ key: Array(9).fill('addr') }), 'DECLARATION_INVALID', /9 columns; at most 8/);
    expectRefusal(compile({ key: Array(2) }), 'DECLARATION_INVALID', /unknown type undefined/);
  });

  test('a default for a set, or of another type', () => {
    expectRefusal(compile({ key: 'addr', default: 0 }), 'DECLARATION_INVALID', /default \(0\) for a set/);
    expectRefusal(
      compile({ key: 'addr', value: 'count', default: 'x' }),
      'DECLARATION_INVALID',
      /default .* not "x" \(declared count\)/,
    );
    expectRefusal(
      compile({ key: 'addr', value: 'vector', complexValues: true, default: {} }),
      'DECLARATION_INVALID',
      /array/,
    );
  });

  test('unknown modes, backends and flags', () => {
    expectRefusal(
      compile({ key: 'addr', mode: 'crdt' }),
      'DECLARATION_INVALID',
      /unknown mode "crdt"/,
      /naive, lww, automerge/,
    );
    expectRefusal(
      compile({ key: 'addr', backend: 'sq lite' }),
      'DECLARATION_INVALID',
      /the backend "sq lite"/,
      /such as 'memory' or 'sqlite'/,
    );
    expectRefusal(compile({ key: 'addr', mode: null }), 'DECLARATION_INVALID', /unknown mode null/);
    expectRefusal(
      compile({ key: 'addr', complexValues: 'yes' }),
      'DECLARATION_INVALID',
      /complexValues: "yes"/,
    );
  });

  test.each(['', '1a', 'a b', 'a/b', '../a', 'a\n', 'é', '\ud800'])('the table name %j', (name) => {
    expectRefusal(() => compileSchema(name, { key: 'addr' }), 'DECLARATION_INVALID', /is not a table name/);
  });

  test('a table name that is too long, by its limit', () => {
    const compiling = (length: number) => () => compileSchema('a'.repeat(length), { key: 'addr' });
    expect(compiling(128)).not.toThrow();
    expectRefusal(compiling(129), 'DECLARATION_INVALID', /a name longer than 128 characters/);
  });

  test('anything but an object, or an object that throws when read', () => {
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new TypeError('no');
        },
      },
    );
    for (const declaration of [undefined, null, 'addr', 5, ['addr'], () => 0, hostile]) {
      expectRefusal(compile(declaration), 'DECLARATION_INVALID', /hosts/);
    }
  });
});

describe('comparing and storing declarations', () => {
  const declarations = [
    { key: 'addr', value: 'count', default: 2n ** 64n - 1n, backend: 'sqlite', createExpire: '5m' },
    { key: ['addr', 'port'], mode: 'lww' },
    { key: ['addr'], writeExpire: 10 },
    { key: 'string', value: 'double', default: Number.NaN },
    { key: 'string', value: 'double', default: -Infinity },
    { key: 'string', value: 'time', default: '2026-01-31T12:00:00Z' },
    { key: 'string', value: 'interval', default: '-1.5s' },
    { key: 'string', value: 'string', default: '17' },
    { key: 'string', value: 'record', complexValues: true, default: { a: [1] } },
    { key: 'string', value: 'any', complexValues: true, default: null },
  ];

  test.each(declarations)(
    'the shown declaration of %o survives JSON and compiles to an equal schema',
    (declaration) => {
      const schema = compileSchema('a', declaration);
      const again = compileSchema('a', JSON.parse(JSON.stringify(schema.declaration)));
      expect(sameDeclaration(schema, again)).toBe(true);
      expect(again.defaultValue).toEqual(schema.defaultValue);
      expect(again.declaration).toEqual(schema.declaration);
      expect(again.backend).toBe(schema.backend);
    },
  );

  test('types, expiry and mode must agree; defaults, backends and superfluous opt-ins need not', () => {
    const base = { key: 'addr', value: 'count', createExpire: '1m' };
    const same = (other: object): boolean =>
      sameDeclaration(compileSchema('a', base), compileSchema('a', { ...base, ...other }));
    expect(same({ createExpire: 60_000, default: 1, backend: 'sqlite', complexValues: true })).toBe(true);
    for (const other of [
      { key: ['addr'] },
      { value: 'int' },
      { value: undefined },
      { createExpire: 1 },
      { mode: 'lww' },
      { createExpire: undefined, writeExpire: '1m' },
    ]) {
      expect(same(other)).toBe(false);
    }
  });

  test('nothing a caller keeps can change a schema', () => {
    const key = ['addr', 'port'];
    const schema = compileSchema('a', { key });
    key.pop();
    expect(schema.declaration.key).toEqual(['addr', 'port']);
    for (const part of [schema, schema.declaration, schema.keyTypes])
      expect(Object.isFrozen(part)).toBe(true);
  });
});
