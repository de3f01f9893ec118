import { afterEach, describe, expect, it } from 'vitest';
import { memoryBackend } from '../../src/backends/memory.ts';
import { type NodeOptions, type TableNode, follow, openNode } from '../../src/index.ts';
import { SegmentStore } from '../../src/log/keeping/segment-store.ts';
import { modeNamed } from '../../src/modes/registry.ts';
import { takeHeader } from '../../src/projection/checkpoints/checkpoint-header.ts';
import { scratchProjection } from '../../src/projection/scratch.ts';
import { decodeMessage, encodeMessage } from '../../src/replication/wire/wire.ts';
import { compileSchema } from '../../src/schema/index.ts';
import { systemEnvironment } from '../../src/system-environment.ts';

const open: TableNode[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()));
});

async function nodeOf(options: Partial<NodeOptions> = {}): Promise<TableNode> {
  const node = await openNode({ id: 'edge', ...options });
  open.push(node);
  return node;
}

/** The code of what is thrown, also later. */
async function codeOf(act: () => unknown): Promise<string | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const TEN_YEARS_MS = 315_360_000_000;
/** Begins like a piece of the header of a checkpoint. */
const ONE_MIB = new Uint8Array(1024 * 1024).fill(4, 0, 1);
/** Each limit of docs/operations.md that is met by calling: what is done with the size at the edge, and one beyond. */
const LIMITS: readonly [what: string, edge: number, code: string, act: (size: number) => Promise<unknown>][] =
  [
    [
      'a table name',
      128,
      'DECLARATION_INVALID',
      async (size) => (await nodeOf()).table('t'.repeat(size), { key: 'addr' }),
    ],
    ['a node id', 64, 'OPTION_INVALID', (size) => nodeOf({ id: 'n'.repeat(size) })],
    [
      'columns of a key',
      8,
      'DECLARATION_INVALID',
      async (size) =>
        (await nodeOf()).table('t', { key: Array.from({ length: size }, () => 'count' as const) }),
    ],
    [
      'a key in bytes',
      1024,
      'KEY_INVALID',
      async (size) =>
        (await nodeOf()).table('t', { key: 'string' }).add('é'.repeat(size >> 1) + 'x'.repeat(size & 1)),
    ],
    [
      'a value in bytes',
      262_144,
      'VALUE_INVALID',
      async (size) =>
        (await nodeOf())
          .table('t', { key: 'count', value: 'string' })
          .set(1, 'é'.repeat(size >> 1) + 'x'.repeat(size & 1)),
    ],
    [
      'a lifetime',
      TEN_YEARS_MS,
      'DECLARATION_INVALID',
      async (size) => (await nodeOf()).table('t', { key: 'addr', createExpire: size }),
    ],
    [
      'operations of a batch',
      16_384,
      'LIMIT_EXCEEDED',
      async (size) => {
        const node = await nodeOf();
        const table = node.table('t', { key: 'count', value: 'count' });
        node.batch(() => {
          for (let key = 0; key < size; key++) table.set(key, 1);
        });
      },
    ],
    [
      'characters of a batch',
      1_048_576,
      'LIMIT_EXCEEDED',
      async (size) => {
        const node = await nodeOf();
        const table = node.table('t', { key: 'string', value: 'string' });
        node.batch(() => {
          // Of two bytes each, in runs that do not end at the edge.
          for (let left = size; left > 0; left -= 70_001)
            table.set(String(left).padStart(8, '0'), 'é'.repeat(Math.min(left, 70_001) - 8));
        });
      },
    ],
    [
      'tables in a batch',
      1088,
      'LIMIT_EXCEEDED',
      async (size) => {
        const node = await nodeOf({ limits: { maxTables: 2000 } });
        const tables = Array.from({ length: size }, (_, table) => node.table(`t${table}`, { key: 'count' }));
        node.batch(() => tables.map((table) => table.add(1)));
      },
    ],
    [
      'configured peers',
      64,
      'OPTION_INVALID',
      (size) => nodeOf({ peers: Array.from({ length: size }, (_, peer) => `ws://127.0.0.1:${peer + 1}`) }),
    ],
    [
      'views of one table',
      1024,
      'LIMIT_EXCEEDED',
      async (size) => {
        const table = (await nodeOf()).table('t', { key: 'count' });
        for (let view = 0; view < size; view++) table.view();
      },
    ],
    [
      'the weight of a batch on a document: 12 for each of its eight changes, 5 for a counter begun, 1 for a row',
      20_480,
      'LIMIT_EXCEEDED',
      async (size) => {
        const node = await nodeOf();
        const table = node.table('t', { key: 'count', value: 'count', mode: 'automerge' });
        const counters = 4000;
        node.batch(() => {
          for (let key = 0; key < counters; key++) table.increment(key);
          for (let row = 0; row < size - 8 * 12 - 5 * counters; row++) table.set(counters + row, 1);
        });
      },
    ],
    [
      'bytes of writes that wait for the disk',
      256 * 1024 * 1024,
      'LIMIT_EXCEEDED',
      async (size) => {
        const backend = {
          ...memoryBackend(),
          durable: true,
          commit: () => new Promise<void>(() => undefined),
        };
        const store = new SegmentStore('sqlite', backend, {
          environment: systemEnvironment,
          listener: { advanced: () => undefined, failed: () => undefined, recovered: () => undefined },
        });
        for (let at = 0; at < size; at += ONE_MIB.length)
          store.append({
            segment: { position: at + 1, span: 1, bytes: ONE_MIB.subarray(0, size - at) },
            runs: [],
            adopted: undefined,
          });
        store.admit();
      },
    ],
    [
      'bytes of the header of a checkpoint',
      128 * 1024 * 1024,
      'OPERATION_INVALID',
      async (size) => {
        // Each piece begins with a byte that says so.
        const whole = Math.floor(size / (ONE_MIB.length - 1));
        const rest = ONE_MIB.subarray(0, 1 + size - whole * (ONE_MIB.length - 1));
        takeHeader([...Array.from({ length: whole }, () => ONE_MIB), rest]).next();
      },
    ],
    [
      'entries of version vectors in one message',
      32_768,
      'FRAME_INVALID',
      async (size) => {
        const held = Array.from({ length: size }, (_, index): [string, number] => [`n${index}@1`, 1]);
        const tables = [0, 1, 2].map((part) => ({
          name: `t${part}`,
          fingerprint: 'f',
          mode: 'naive',
          declaration: {},
          held: held.slice(part * 16_384, (part + 1) * 16_384),
        }));
        decodeMessage(encodeMessage({ type: 'tables', tables }));
      },
    ],
    [
      'values that wait for a follower',
      1_048_576,
      'OPTION_INVALID',
      async (limit) => follow((await nodeOf()).events, { limit }),
    ],
  ];

describe('the limits of docs/operations.md', () => {
  it.each(LIMITS)('%s: %i is taken, one more is refused with %s', async (_, edge, code, act) => {
    expect(await codeOf(() => act(edge))).toBeUndefined();
    await Promise.all(open.splice(0).map((node) => node.close()));
    expect(await codeOf(() => act(edge + 1))).toBe(code);
  });

  it('the log of memory tables is kept up to 64 MiB unless it is said otherwise', async () => {
    const backend = memoryBackend();
    await backend.open();
    const bytes = new Uint8Array(1024 * 1024);
    const commit = (position: number) => backend.commit({ segments: [{ position, span: 1, bytes }] });
    for (let position = 1; position <= 63; position++) await commit(position);
    expect(await backend.read(0, 1)).toHaveLength(1);
    for (let position = 64; position <= 66; position++) await commit(position);
    expect(await codeOf(() => backend.read(0, 1))).toBe('LOG_TRIMMED');
    await backend.close();
  });

  it('removed keys are kept up to 65,536 of a table, or as many as it has rows', () => {
    const { projection, origins } = scratchProjection(compileSchema('t', { key: 'string' }), modeNamed);
    const { rows } = projection;
    const dot = { origin: origins.intern('a@1'), sequence: 1, stamp: 1 };
    const remove = (from: number, to: number): void => {
      for (let key = from; key < to; key++) rows.remove(rows.slotOf(`gone ${key}`), dot);
      projection.compact();
    };
    remove(0, 65_535);
    expect(rows.slots - rows.size).toBe(65_535);
    remove(65_535, 65_536);
    expect(rows.slots - rows.size).toBe(0);
    for (let key = 0; key < 70_000; key++) rows.put(rows.slotOf(`there ${key}`), undefined, dot);
    remove(0, 69_999);
    expect(rows.slots - rows.size).toBe(69_999);
    remove(69_999, 70_000);
    expect({ removed: rows.slots - rows.size, size: rows.size }).toEqual({ removed: 0, size: 70_000 });
  });
});
