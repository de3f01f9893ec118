import { describe, expect, it } from 'vitest';
import { DELETE, INCREMENT, SWITCH } from '../../src/log/operations/operation.ts';
import { type DocumentSection, decodeRun } from '../../src/log/runs/run.ts';
import { RunWriter } from '../../src/log/runs/run-writer.ts';
import { encodeChange } from '../../src/modes/automerge/change-writer.ts';
import { readChange } from '../../src/modes/automerge/change-reader.ts';
import { PUT, type ChangeContent } from '../../src/modes/automerge/change.ts';
import { automergeDocument } from '../../src/modes/automerge/document.ts';
import { MAX_GENERATION, counterBeginning, epochName } from '../../src/modes/automerge/genesis.ts';
import { ByteWriter } from '../../src/log/bytes/bytes.ts';
import type { NetEffect, RunChanges, RunEffects, TableDocument } from '../../src/modes/conflict-mode.ts';
import { modeNamed } from '../../src/modes/registry.ts';
import type { Projection } from '../../src/projection/projection.ts';
import { scratchProjection } from '../../src/projection/scratch.ts';
import { compileSchema } from '../../src/schema/index.ts';

const REFUSED = expect.objectContaining({ code: 'OPERATION_INVALID' }) as Error;

function emptyDocument(writes = ''): TableDocument {
  return automergeDocument({
    table: 't',
    column: 'integer',
    unsigned: true,
    start: 0,
    epoch: { counter: 0, origin: '' },
    checkKey: () => undefined,
    checkCell: () => undefined,
    checkOrigin: (origin, known) => {
      if (origin === writes && !known) throw Object.assign(new Error('mine'), { code: 'OPERATION_INVALID' });
    },
  });
}

const at = { sequence: 1, stamp: 5000 };
const put = (cell: number): NetEffect => ({ kind: 'put', cell, by: 0, ...at });
const add = (by: number): NetEffect => ({ kind: 'add', cell: undefined, by, ...at });
const gone: NetEffect = { kind: 'delete', cell: undefined, by: 0, ...at };

function effectsOf(keys: Record<string, NetEffect>, more: Partial<RunEffects> = {}): RunEffects {
  const run = { origin: 'evil@1', firstSequence: 1, firstStamp: 5000, cleared: false };
  return { ...run, keys: new Map(Object.entries(keys)), ...more };
}

const honest = effectsOf({ k: put(1), n: add(2), d: gone });
const carried: RunChanges = emptyDocument().writing.write(honest);

/** The honest run's change with something else in it. */
function altered(content: Partial<ChangeContent>): RunChanges {
  const [bytes] = carried.changes;
  const change = encodeChange({ ...readChange(bytes as Uint8Array), ...content });
  return { ...carried, changes: [change.bytes] };
}

describe('a run whose changes do otherwise than its operations', () => {
  it('is taken when both say the same', () => {
    expect(() => emptyDocument().folding.check(honest, carried)).not.toThrow();
  });

  it.each<[string, RunEffects, RunChanges]>([
    ['another value', effectsOf({ k: put(2), n: add(2), d: gone }), carried],
    ['another addition', effectsOf({ k: put(1), n: add(3), d: gone }), carried],
    ['another kind', effectsOf({ k: gone, n: add(2), d: gone }), carried],
    ['a key that the run does not write', effectsOf({ n: add(2), d: gone }), carried],
    ['a key that a clear does not remove', effectsOf({ n: add(2) }, { cleared: true }), carried],
    ['nothing for a write', honest, { entered: [], changes: [] }],
    ['nothing for one of two writes', effectsOf({ k: put(1), n: add(2), x: put(3) }), carried],
    ['another author', effectsOf({ k: put(1), n: add(2) }, { origin: 'good@1' }), carried],
    ['another run', effectsOf({ k: put(1), n: add(2) }, { firstSequence: 7 }), carried],
    ['another time', honest, altered({ time: 99 })],
    ['a number out of turn', honest, altered({ seq: 2 })],
    ['operations numbered up to the end of all numbers', honest, altered({ startOp: 2 ** 30 })],
    ['a counter begun and not gone on from', honest, altered({ deps: [], startOp: 1 })],
    ['one key twice', honest, { ...carried, changes: [...carried.changes, ...carried.changes] }],
    ['a counter begun that is not added to', effectsOf({ k: put(1), n: put(2), d: gone }), carried],
    ['a counter begun twice', honest, { ...carried, entered: [...carried.entered, ...carried.entered] }],
    [
      'a counter of an impossible generation',
      honest,
      { ...carried, entered: [{ text: 'n', generation: 2 ** 40, start: 0 }] },
    ],
    ['a text where a counter belongs', honest, altered({ operations: [text('k'), ...rest()] })],
  ])('is refused: %s', (_, effects, changes) => {
    const document = emptyDocument();
    expect(() => document.folding.check(effects, changes)).toThrow(REFUSED);
    expect(document.history.heads).toEqual([]);
  });

  it('never lets what refers to nothing take anything away', () => {
    const document = emptyDocument();
    document.writing.write(effectsOf({ k: put(9) }, { origin: 'good@1' }));
    const before = [{ counter: 500, actor: 'nobody' }];
    const changes = altered({
      operations: readChange(carried.changes[0] as Uint8Array).operations.map((operation) => ({
        ...operation,
        before,
      })),
    });
    document.folding.check(honest, changes);
    document.folding.apply(honest, changes);
    expect(
      document.reading
        .values('k')
        .map(({ cell }) => cell)
        .toSorted((one, other) => Number(one) - Number(other)),
    ).toEqual([1, 9]);
    expect(() => document.history.export()).toThrow(REFUSED);
  });
});

describe('an author that makes changes by hand', () => {
  const [carriedBytes] = emptyDocument().writing.write(effectsOf({ k: put(1) })).changes;
  const template = readChange(carriedBytes as Uint8Array);

  /** The run `number` of `evil`, which puts something under a key. */
  function run(number: number, content: Partial<ChangeContent>, key = 'k'): [RunEffects, RunChanges, string] {
    const [operation] = template.operations;
    const message = `${number} 5000`;
    const operations = [{ ...operation, key, ...content.operations?.[0] }] as ChangeContent['operations'];
    const change = encodeChange({ ...template, seq: number, message, ...content, operations });
    const effects = effectsOf({ [key]: put(1) }, { firstSequence: number });
    return [effects, { entered: [], changes: [change.bytes] }, change.hash];
  }

  function take(document: TableDocument, [effects, changes]: ReturnType<typeof run>): void {
    document.folding.check(effects, changes);
    document.folding.apply(effects, changes);
  }

  /** Whether what an honest author writes now is taken by somebody who has seen the same. */
  function expectOthersToGoOn(...documents: [TableDocument, TableDocument]): void {
    const [author, other] = documents;
    const effects = effectsOf({ x: put(7), k: put(8) }, { origin: 'good@1' });
    const changes = author.writing.write(effects);
    other.folding.check(effects, changes);
    other.folding.apply(effects, changes);
    expect(other.reading.standing('x')?.cell).toBe(7);
    expect(other.reading.values('k')).toEqual(author.reading.values('k'));
    expect(other.history.heads).toEqual(author.history.heads);
  }

  it('cannot use up the numbers of operations by a change that waits for another', () => {
    const [one, other] = [emptyDocument(), emptyDocument()];
    const early = effectsOf({ x: put(1) }, { origin: 'early@1' });
    const awaited = emptyDocument().writing.write(early);
    const { hash } = readChange(awaited.changes[0] as Uint8Array);
    for (const document of [one, other]) {
      take(document, run(1, { deps: [hash], startOp: 2 ** 30 }));
      document.folding.apply(early, awaited);
      expect(document.reading.standing('x')?.cell).toBe(1);
      expect(document.reading.standing('k')).toBeUndefined();
    }
    expectOthersToGoOn(one, other);
  });

  it('leaves one latest change behind, and one value under a key', () => {
    const [one, other] = [emptyDocument(), emptyDocument()];
    const documents = [one, other];
    const all = Array.from({ length: 50 }, (_, index) => run(index + 1, { deps: [], startOp: index + 1 }));
    // All but the first wait for the one before, which they do not name.
    for (const document of documents)
      for (const each of all.toReversed()) document.folding.apply(each[0], each[1]);
    for (const document of documents) {
      expect(document.history.operations).toBe(50);
      expect(document.history.heads).toHaveLength(1);
      expect(document.reading.values('k')).toHaveLength(1);
      expect(document.switching.waiting().size).toBe(0);
    }
    expectOthersToGoOn(one, other);
  });

  it('cannot have a few bytes stand for many operations', () => {
    const before = Array.from({ length: 257 }, (_, index) => ({ counter: index + 1, actor: 'x' }));
    const [effects, changes] = run(1, { operations: [{ ...template.operations[0], before }] as never });
    expect(() => emptyDocument().folding.check(effects, changes)).toThrow(REFUSED);
    const fewer = run(1, { operations: [{ ...template.operations[0], before: before.slice(1) }] as never });
    expect(() => emptyDocument().folding.check(fewer[0], fewer[1])).not.toThrow();
  });
});

describe('more values under one key than an operation can name', () => {
  it('are replaced as far as it can, in changes that everybody reads', () => {
    const [one, other] = [emptyDocument(), emptyDocument()];
    for (let author = 0; author < 300; author++) {
      const effects = effectsOf({ k: put(author) }, { origin: `writer-${author}@1` });
      const changes = emptyDocument().writing.write(effects);
      for (const document of [one, other]) document.folding.apply(effects, changes);
    }
    const effects = effectsOf({ k: put(7) }, { origin: 'good@1' });
    const changes = one.writing.write(effects);
    other.folding.check(effects, changes);
    other.folding.apply(effects, changes);
    expect(other.reading.standing('k')?.cell).toBe(7);
    expect(other.reading.values('k')).toHaveLength(300 - 256 + 1);
    expect(other.reading.values('k')).toEqual(one.reading.values('k'));
  });
});

describe('changes that wait for what never comes', () => {
  it('are refused beyond 64 MiB of them, as something that may pass, and keep out nothing that they wait for', () => {
    const owner = {
      table: 't',
      column: 'text',
      unsigned: false,
      start: 0,
      epoch: { counter: 0, origin: '' },
    };
    const nothing = (): void => undefined;
    const make = () =>
      automergeDocument({
        ...owner,
        checkKey: nothing,
        checkCell: nothing,
        checkOrigin: nothing,
      } as never);
    const effect: NetEffect = { kind: 'put', cell: 'x'.repeat(2_900_000), by: 0, ...at };
    const template = readChange(make().writing.write(effectsOf({ k: effect })).changes[0] as Uint8Array);
    const document = make();
    const early = effectsOf({ x: { ...effect, cell: 'early' } }, { origin: 'early@1' });
    const awaited = make().writing.write(early);
    const { hash } = readChange(awaited.changes[0] as Uint8Array);
    const next = (number: number): void => {
      const effects = effectsOf({ k: effect }, { firstSequence: number });
      const message = `${number} 5000`;
      const change = encodeChange({ ...template, seq: number, startOp: number + 1, message, deps: [hash] });
      const changes = { entered: [], changes: [change.bytes] };
      document.folding.check(effects, changes);
      document.folding.apply(effects, changes);
    };
    for (let number = 1; number <= 24; number++) next(number);
    expect(() => next(25)).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED', retryable: true }) as Error,
    );
    document.folding.check(early, awaited);
    document.folding.apply(early, awaited);
    expect(document.reading.standing('x')?.cell).toBe('early');
    expect(document.switching.waiting().size).toBe(0);
    expect(() => next(25)).not.toThrow();
  });
});

function text(key: string): ChangeContent['operations'][number] {
  return { action: PUT, key, scalar: { type: 'text', value: 'x' }, by: 0, before: [] };
}

function rest(): ChangeContent['operations'] {
  return readChange(carried.changes[0] as Uint8Array).operations.slice(1);
}

describe('a document of a peer', () => {
  it('is refused when it holds changes of this node that it did not make, of another document, or bytes that are none', () => {
    const peer = emptyDocument();
    peer.writing.write(honest);
    const chunks = [...peer.content.chunks()];
    expect(() => emptyDocument('evil@1').content.merge(chunks, false)).toThrow(REFUSED);
    expect(() => emptyDocument().content.merge([Uint8Array.of(0, 3, 1, 2, 3)], false)).toThrow(REFUSED);
    expect(() => emptyDocument().content.merge([Uint8Array.of(0, 255, 255, 3)], false)).toThrow(REFUSED);
    const foreign = altered({ actor: 'evil@1abcd' }).changes[0] as Uint8Array;
    expect(() =>
      emptyDocument().content.merge(
        [Uint8Array.of(0, (foreign.length & 0x7f) | 0x80, foreign.length >> 7, ...foreign)],
        false,
      ),
    ).toThrow(REFUSED);
    const merged = emptyDocument();
    merged.content.merge(chunks, false);
    expect(merged.history.heads).toEqual(peer.history.heads);
  });
});

describe('a run from elsewhere', () => {
  const schema = compileSchema('t', { key: 'string', value: 'count', mode: 'automerge' });
  const table = (mode: 'naive' | 'automerge' = 'automerge'): Projection =>
    scratchProjection({ ...schema, mode }, modeNamed).projection;

  function runOf(write: (writer: RunWriter) => void, document: DocumentSection | undefined): Uint8Array {
    const writer = new RunWriter('integer');
    writer.begin(1, { chapter: 0, keys: 0, origins: 0 }, []);
    writer.addKey('k');
    write(writer);
    writer.document = document;
    return writer.encode('t', 'evil@1', 0);
  }

  const nothing: DocumentSection = { entered: [], changes: [], copies: false };
  const check = (projection: Projection, bytes: Uint8Array) => (): void =>
    projection.fold.check(decodeRun(bytes, 'integer'), true);

  it('is refused without a document, with one where none belongs, and with additions beyond what stays exact', () => {
    expect(
      check(
        table(),
        runOf((writer) => writer.addSet(0, 1, 1), undefined),
      ),
    ).toThrow(REFUSED);
    expect(
      check(
        table('naive'),
        runOf((writer) => writer.addSet(0, 1, 1), nothing),
      ),
    ).toThrow(REFUSED);
    for (const by of [2 ** 41, 0.5, Number.NaN, -Infinity])
      expect(
        check(
          table(),
          runOf((writer) => writer.addIncrement(0, by, 1), nothing),
        ),
      ).toThrow(REFUSED);
    const additions = runOf((writer) => writer.addIncrement(0, 1, 1), undefined);
    expect(() => decodeRun(additions, 'integer')).toThrow(REFUSED);
    const removal = runOf((writer) => writer.addRemoval(DELETE, 0, 1), nothing);
    expect(check(table(), removal)).not.toThrow();
    expect(INCREMENT).toBe(5);
  });

  it('is refused with a counter whose key number is beyond the dictionary, or a switch among other operations', () => {
    const entered = { ...nothing, entered: [{ id: 7, generation: 1, start: 0 }] };
    expect(
      check(
        table(),
        runOf((writer) => writer.addIncrement(0, 1, 1), entered),
      ),
    ).toThrow(REFUSED);
    const mixed = runOf((writer) => {
      writer.addRemoval(DELETE, 0, 1);
      writer.addRemoval(SWITCH, 0, 1);
    }, nothing);
    expect(check(table(), mixed)).toThrow(REFUSED);
  });
});

describe('a counter with the last number there is for one', () => {
  function begunAs(generation: number): TableDocument {
    const document = emptyDocument();
    const epoch = epochName({ counter: 0, origin: '' });
    const { bytes } = counterBeginning({ text: 'k', generation, start: 0 }, epoch);
    const writer = new ByteWriter(64);
    writer.byte(0);
    writer.varint(bytes.length);
    writer.raw(bytes);
    document.content.merge([writer.copy()], false);
    return document;
  }

  it('is not followed by one that others would refuse', () => {
    expect([
      begunAs(MAX_GENERATION - 1).writing.canBegin('k'),
      begunAs(MAX_GENERATION).writing.canBegin('k'),
    ]).toEqual([true, false]);
    expect(begunAs(MAX_GENERATION).writing.canBegin('other')).toBe(true);
  });
});
