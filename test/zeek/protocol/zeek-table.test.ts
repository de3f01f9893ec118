import { describe, expect, test } from 'vitest';
import { compileZeekTable, declarationOf, lossOf } from '../../../src/zeek/protocol/zeek-table.ts';
import { isRefused as refused } from './refused.ts';

const types = {
  'Demo::Rec': 'record { a: count; b: string &optional; }',
};

describe('a Zeek table', () => {
  test('is declared from its Zeek type', () => {
    const table = compileZeekTable('Demo::t', {
      type: 'table[addr, port] of Demo::Rec',
      types: types,
    });
    expect(declarationOf(table)).toEqual({ key: ['addr', 'port'], value: 'record', complexValues: true });
    expect(table.topic).toBe('zeek/table/Demo::t/');
    expect(declarationOf(compileZeekTable('s', { type: 'set[subnet]' }))).toEqual({ key: 'subnet' });
  });

  test('whose times or doubles Zeek cuts says so', () => {
    expect(lossOf(compileZeekTable('t', { type: 'table[time] of vector of double' }))).toHaveLength(2);
    expect(lossOf(compileZeekTable('t', { type: 'table[addr] of count' }))).toEqual([]);
  });

  test.each([
    ['t', 'count'],
    ['t', 'table[addr] of Unknown::Type'],
    ['t', 'table[addr of count'],
    ['t', 'table[addr] of count x'],
    ['bad name', 'set[addr]'],
    ['t', `${'vector of '.repeat(50)}count`],
  ])('%s: %s is refused', (name, type) => {
    expect(refused(() => compileZeekTable(name, { type }))).toBe(true);
  });

  test('of a type inside itself is refused', () => {
    expect(refused(() => compileZeekTable('t', { type: 'set[A]', types: { A: 'record { a: A; }' } }))).toBe(
      true,
    );
  });

  test('with a record as index is read but not declared', () => {
    expect(
      refused(() =>
        declarationOf(compileZeekTable('t', { type: 'set[R]', types: { R: 'record { a: count; }' } })),
      ),
    ).toBe(true);
  });
});
