import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TableDeclaration, type TableNode, openNode } from '../../src/index.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { inProcessNetwork } from '../../src/transport/in-process.ts';
import { codeOf, errorOf } from './fixture.ts';

const ALTER = /tablecast alter named NAME --dry-run\.$/;

describe('conformance: declaration', () => {
  let node: TableNode;
  let tables = 0;
  const declare = (declaration: unknown): unknown =>
    node.table(`table_${tables++}`, declaration as TableDeclaration);

  beforeAll(async () => {
    node = await openNodeOf({ id: 'alone' }, { transport: inProcessNetwork().transport('alone') });
  });
  afterAll(() => node.close());

  it('conformance 1: one atomic key and value, or no value for a set, is accepted', () => {
    expect(node.table('hosts', { key: 'addr', value: 'count' }).set('10.0.0.1', 1).get('10.0.0.1')).toBe(1);
    expect([...node.table('seen', { key: 'addr' }).add('10.0.0.1')]).toEqual(['10.0.0.1']);
  });

  it('conformance 2: a value that is not atomic is refused without the opt-in, by the name of the rule', () => {
    for (const value of ['record', 'set', 'vector', 'table', 'any']) {
      const error = errorOf(() => declare({ key: 'string', value }));
      expect(error).toMatchObject({ code: 'DECLARATION_INVALID' });
      expect(error?.message).toContain('values are atomic');
      expect(error?.hint).toContain('complexValues: true');
    }
  });

  it('conformance 3: the opt-in counts wherever it stands', () => {
    expect(codeOf(() => declare({ complexValues: true, key: 'string', value: 'record' }))).toBeUndefined();
    expect(codeOf(() => declare({ key: 'string', value: 'record', complexValues: true }))).toBeUndefined();
  });

  it('conformance 5: readExpire is refused, wherever it stands, with the reason', () => {
    for (const declaration of [
      { key: 'string', readExpire: '5m' },
      { readExpire: '5m', key: 'string', backend: 'sqlite' },
    ]) {
      const error = errorOf(() => declare(declaration));
      expect(error).toMatchObject({ code: 'DECLARATION_INVALID' });
      expect(error?.hint).toContain('reads are not replicated');
    }
  });

  it('conformance 6: a callback that could veto an expiry is refused, with the reason', () => {
    for (const name of ['expireFunc', 'onExpire']) {
      const error = errorOf(() => declare({ key: 'string', createExpire: '5m', [name]: () => 0 }));
      expect(error).toMatchObject({ code: 'DECLARATION_INVALID' });
      expect(error?.hint).toContain('cannot be replicated');
    }
  });

  it('conformance 8: createExpire or writeExpire is accepted, both together are refused', () => {
    expect(codeOf(() => declare({ key: 'string', createExpire: '5m' }))).toBeUndefined();
    expect(codeOf(() => declare({ key: 'string', writeExpire: 300_000 }))).toBeUndefined();
    expect(codeOf(() => declare({ key: 'string', createExpire: '5m', writeExpire: '5m' }))).toBe(
      'DECLARATION_INVALID',
    );
  });

  it('conformance 9: a key of several columns is accepted', () => {
    const services = node.table('services', { key: ['addr', 'port'], value: 'string' });
    expect(services.set(['10.0.0.1', '443/tcp'], 'tls').get(['10.0.0.1', '443/tcp'])).toBe('tls');
  });

  it('conformance 10: a record as key is refused and columns are offered; a set needs no opt-in', () => {
    const error = errorOf(() => declare({ key: 'record' }));
    expect(error).toMatchObject({ code: 'DECLARATION_INVALID' });
    expect(error?.hint).toContain('one or several of');
    expect(codeOf(() => declare({ key: ['addr', 'port'] }))).toBeUndefined();
  });

  it('conformance 11: a declaration without a value is an error, not a crash', () => {
    for (const nothing of [undefined, null, {}, { key: undefined }, { key: 'string', backend: null }]) {
      expect(codeOf(() => declare(nothing))).toBe('DECLARATION_INVALID');
    }
  });

  it('conformance 12: one name is one table: declared alike again it is the same, otherwise refused', () => {
    const table = node.table('named', { key: 'string', value: 'count' });
    expect(node.table('named', { key: 'string', value: 'count' })).toBe(table);
    const error = errorOf(() => node.table('named', { key: 'string', value: 'int' }));
    expect(error).toMatchObject({ code: 'DECLARATION_DIFFERS' });
    expect(error?.message).toBe('Table named is declared otherwise than before: value is int and was count.');
    expect(error?.details).toMatchObject({
      before: expect.stringContaining('"value":"count"') as string,
      now: expect.stringContaining('"value":"int"') as string,
    });
  });

  it.each<readonly [string, object, string, RegExp]>([
    ['the key', { key: 'addr' }, 'key is addr and was string', ALTER],
    ['a column more', { key: ['string', 'count'] }, 'key is [string, count] and was string', ALTER],
    ['the value', { value: 'string' }, 'value is string and was count', ALTER],
    ['a set', { value: undefined }, 'value is left out, as of a set and was count', ALTER],
    ['an expiry', { writeExpire: '5m' }, 'writeExpire is 300000 ms and was left out', ALTER],
    [
      'a complex value',
      { value: 'record', complexValues: true },
      'value is record and was count; complexValues is',
      ALTER,
    ],
    ['the mode', { mode: 'lww' }, 'mode is lww and was naive', /tablecast switch-mode named lww\.$/],
    [
      'mode and value',
      { mode: 'lww', value: 'int' },
      'value is int and was count; mode is lww and was naive',
      ALTER,
    ],
  ])('another declaration is told by %s, with the command that changes it', (_, more, difference, hint) => {
    node.table('named', { key: 'string', value: 'count' });
    const error = errorOf(() => node.table('named', { key: 'string', value: 'count', ...more } as never));
    expect(error?.code).toBe('DECLARATION_DIFFERS');
    expect(error?.message).toContain(`Table named is declared otherwise than before: ${difference}`);
    expect(error?.hint).toMatch(hint);
  });

  it('another backend is told with the way to it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tablecast-declared-'));
    const kept = await openNode({ id: 'kept', directory });
    kept.table('named', { key: 'string', backend: 'sqlite' });
    const error = errorOf(() => kept.table('named', { key: 'string', backend: 'memory' }));
    expect(error?.message).toContain('backend is memory and was sqlite');
    expect(error?.hint).toMatch(/tablecast run --directory NEW\.$/);
    await kept.close();
    rmSync(directory, { recursive: true });
  });

  it('conformance 13: a node without a directory refuses each sqlite table, and goes on', () => {
    for (const name of ['first', 'second']) {
      expect(errorOf(() => node.table(name, { key: 'string', backend: 'sqlite' }))).toMatchObject({
        code: 'OPTION_INVALID',
        message: expect.stringContaining(name),
      });
    }
    expect(codeOf(() => declare({ key: 'string' }))).toBeUndefined();
  });
});
