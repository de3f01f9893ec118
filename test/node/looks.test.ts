import { type NodeOptions, type TableNode, openNode } from 'tablecast';
import { expect, onTestFinished, test, vi } from 'vitest';
import { LogReadings, MAX_READINGS_WAITING } from '../../src/node/hosts/log-readings.ts';
import { Looks } from '../../src/node/hosts/looks.ts';
import type { LogView } from '../../src/reading/log-view.ts';
import { MOST_TOLD, TOLD_CHARACTERS } from '../../src/replication/wire/request-wire.ts';
import { decodeMessage } from '../../src/replication/wire/wire.ts';
import { compileSchema } from '../../src/schema/index.ts';
import { type Visitor, openVisit } from '../../src/visiting/index.ts';

async function open(options: Partial<NodeOptions> = {}): Promise<TableNode> {
  const node = await openNode({ id: 'manager', listen: { port: 0 }, ...options });
  onTestFinished(() => node.close());
  return node;
}

async function visit({ address = '' }: { readonly address: string | undefined }): Promise<Visitor> {
  const visiting = await openVisit(address, { node: 'cli-1', signal: AbortSignal.timeout(10_000) });
  onTestFinished(() => visiting.close());
  return visiting.visitor;
}

const HISTORY = { act: 'history', table: 'notes', key: 'k' } as const;

test('the newest operations are told, as many as were asked for and as an answer has room for', async () => {
  const node = await open();
  const notes = node.table('notes', { key: 'string', value: 'string' });
  const long = 'x'.repeat(TOLD_CHARACTERS / 4 - 1);
  for (const end of ['1', '2', '3', '4', '5', '6']) notes.set('k', long + end).set('other', end);
  const visitor = await visit(node);
  const told = async (limit?: number): Promise<unknown> => {
    const { operations = [], complete } = await visitor.ask({
      ...HISTORY,
      ...(limit !== undefined && { limit }),
    });
    return [operations.map(({ position, cell }) => [position, cell?.at(-1)]), complete];
  };
  expect(await told(2)).toEqual([
    [
      [9, '5'],
      [11, '6'],
    ],
    false,
  ]);
  expect(await told()).toEqual([
    [
      [7, '4'],
      [9, '5'],
      [11, '6'],
    ],
    false,
  ]);
  notes.set('short', 'z');
  expect(await visitor.ask({ ...HISTORY, key: 'short' })).toMatchObject({
    operations: [{ cell: 'sz' }],
    complete: true,
  });
});

test('at most so many may be asked for', () => {
  const message = (limit: number): Uint8Array =>
    Uint8Array.of(15, ...Buffer.from(JSON.stringify({ number: 1, ...HISTORY, limit })));
  expect(decodeMessage(message(MOST_TOLD))).toMatchObject({ request: { limit: MOST_TOLD } });
  for (const limit of [MOST_TOLD + 1, 0]) expect(() => decodeMessage(message(limit))).toThrow('limit');
});

test('logs are read one after another, and so many may wait', async () => {
  const readings = new LogReadings();
  let end: () => void = () => undefined;
  const first = readings.inTurn(() => new Promise<number>((resolve) => (end = () => resolve(0))));
  const order: number[] = [];
  const waiting = Array.from({ length: MAX_READINGS_WAITING }, (_, index) =>
    readings.inTurn(async () => void order.push(index)),
  );
  await expect(readings.inTurn(async () => 1)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  expect(order).toEqual([]);
  end();
  expect(await first).toBe(0);
  await Promise.all(waiting);
  expect(order).toEqual(Array.from({ length: MAX_READINGS_WAITING }, (_, index) => index));
  // A reading that fails keeps no place.
  await expect(readings.inTurn(() => Promise.reject(new Error('no disk')))).rejects.toThrow('no disk');
  expect(await readings.inTurn(async () => 2)).toBe(2);
});

test('nothing more is read for a visitor that has gone', async () => {
  const schema = compileSchema('notes', { key: 'string', value: 'string' });
  const next = vi.fn<() => Promise<[]>>(async () => []);
  const looks = new Looks({
    log: { stores: new Map() },
    view: { reader: () => ({ next, caughtUp: false }) },
  } as never);
  const isGone = (): boolean => next.mock.calls.length === 3;
  await looks.history({ schema, store: 'memory' } as never, { ...HISTORY, number: 1 }, isGone);
  expect(next).toHaveBeenCalledTimes(3);
});

test('a log that was trimmed is not said to be all of a history', async () => {
  const schema = compileSchema('notes', { key: 'string', value: 'string' });
  const complete = async (trimmedTo: number): Promise<boolean | undefined> => {
    const looks = new Looks({
      log: { stores: new Map([['memory', { told: 9, trimmedTo }]]) },
      view: { reader: () => ({ next: async () => undefined, caughtUp: true }) },
    } as never);
    const told = await looks.history(
      { schema, store: 'memory' } as never,
      { ...HISTORY, number: 1 },
      () => false,
    );
    return told.complete;
  };
  expect([await complete(0), await complete(1)]).toEqual([true, false]);
});

test('a log in memory is read in many turns of the event loop', async () => {
  const node = await open();
  const notes = node.table('notes', { key: 'string', value: 'string' });
  for (let round = 0; round < 40; round++)
    node.batch(() => {
      for (let key = 0; key < 1024; key++) notes.set(`key ${key}`, 'value');
    });
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const reader = (node.log as LogView).reader({ table: 'notes' });
  let count = 0;
  for (let batch = await reader.next(); batch !== undefined; batch = await reader.next())
    count += batch.length;
  isOver = true;
  expect(count).toBe(40 * 1024);
  expect(turns).toBeGreaterThanOrEqual(10);
});
