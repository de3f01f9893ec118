import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type ErrorCode,
  type ErrorDetails,
  TablecastError,
  isTablecastError,
  openNode,
} from '../../src/index.ts';

/** What a table beyond the limit is refused with. */
async function oneTooMany(): Promise<unknown> {
  await using node = await openNode({ id: 'a', limits: { maxTables: 1 } });
  node.table('hosts', { key: 'addr' });
  try {
    return node.table('users', { key: 'string' });
  } catch (error) {
    return error;
  }
}

describe('an error narrows by its code', () => {
  it('by a comparison, behind isTablecastError and behind instanceof', async () => {
    const error = await oneTooMany();
    expect.assert(isTablecastError(error) && error.code === 'LIMIT_EXCEEDED');
    expectTypeOf(error.details.limit).toEqualTypeOf<number>();
    expectTypeOf(error.details.table).toEqualTypeOf<string | undefined>();
    expect(error.details).toEqual({ limit: 1, table: 'users' });
    const same: unknown = error;
    expect.assert(same instanceof TablecastError && same.code === 'LIMIT_EXCEEDED');
    expectTypeOf(same.details.limit).toEqualTypeOf<number>();
  });

  it('by the code that is asked for', async () => {
    const error = await oneTooMany();
    expect(isTablecastError(error, 'CLOSED')).toBe(false);
    expect.assert(isTablecastError(error, 'LIMIT_EXCEEDED'));
    expectTypeOf(error.code).toEqualTypeOf<'LIMIT_EXCEEDED'>();
    expectTypeOf(error.details.limit).toEqualTypeOf<number>();
  });

  it('and says before that what any code has', () => {
    expectTypeOf<TablecastError['details']['table']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<TablecastError['details']['limit']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<TablecastError>().toHaveProperty('hint').toEqualTypeOf<string>();
    expectTypeOf<TablecastError['code']>().toEqualTypeOf<ErrorCode>();
    expectTypeOf<TablecastError<'CLOSED'>>().toExtend<TablecastError>();
    expectTypeOf<ErrorDetails<'PEERS_BEHIND'>['wanted']>().toEqualTypeOf<number | string>();
  });

  it('whose details another code has not', () => {
    const error = new TablecastError('CLOSED', 'm', { hint: 'h', details: { table: 't' } });
    expectTypeOf(error.details.limit).toEqualTypeOf<undefined>();
    const wrong = { hint: 'h', details: { limit: 1 } };
    // @ts-expect-error a detail of another code
    expect(new TablecastError('CLOSED', 'm', wrong).code).toBe('CLOSED');
    expect([error.name, error.constructor.name, String(error)]).toEqual([
      'TablecastError',
      'TablecastError',
      'TablecastError: m',
    ]);
  });
});
