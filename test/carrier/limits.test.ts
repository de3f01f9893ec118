import { describe, expect, it } from 'vitest';
import { MAX_SWITCHES } from '../../src/log/operations/epoch.ts';
import { readDeclared, readKept } from '../../src/carrier/kept.ts';
import { Ledger } from '../../src/carrier/ledger.ts';
import type { CarrierLink, Note } from '../../src/carrier/carrier.ts';
import { Notes } from '../../src/carrier/notes.ts';
import { NotesWaiting } from '../../src/carrier/notes-waiting.ts';
import { Settling } from '../../src/carrier/settling.ts';
import { authorOf } from '../../src/carrier/subjects.ts';
import { Wanted } from '../../src/carrier/wanted.ts';

describe('places that the node has not reached', () => {
  /** Gives a byte before each place, and the node takes in all but the last. */
  function reached(places: number): number | undefined {
    const told: number[] = [];
    const settling = new Settling((place) => told.push(place));
    for (let place = 1; place <= places; place++) {
      settling.gave(1);
      settling.saw({ table: 't', origin: `a${place}@1`, held: place });
      settling.step(place);
    }
    settling.taken(places - 1);
    expect(settling.read('t')).toHaveLength(told.at(-1) ?? 0);
    return told.at(-1);
  }

  it('are told apart up to 4,096, and beyond it the last ones are one', () => {
    expect(reached(4096)).toBe(4095);
    expect(reached(4097)).toBe(4095);
    expect(reached(5000)).toBe(4095);
  });

  it('are reached at once by who is given nothing, and need no memory', () => {
    const told: number[] = [];
    const settling = new Settling((place) => told.push(place));
    settling.saw({ table: 't', origin: 'own@1', held: 7 });
    settling.step(1);
    expect(told).toEqual([1]);
    expect(settling.read('t')).toEqual([{ table: 't', origin: 'own@1', held: 7 }]);
    expect(settling.read('other')).toEqual([]);
  });
});

describe('operations of which the node wants to hear', () => {
  const want = (author: number, sequence: number) => ({
    table: 't',
    origin: `a${author}@1`,
    sequence,
    epoch: { counter: 0, origin: '' },
  });

  it('are one of each author, and 1,024 authors', () => {
    const ledger = new Ledger('a');
    const wanted = new Wanted(ledger);
    for (let author = 0; author <= 1024; author++) wanted.want([want(author, 1), want(author, 2)]);
    const held = Array.from({ length: 1025 }, (_, author) => [`a${author}@1`, 1, 1] as const);
    ledger.covers('t', { held, through: 0 });
    expect(wanted.news()).toHaveLength(1024);
    expect(wanted.news()).toEqual([]);
    ledger.covers('t', { held: [['a3@1', 2, 1]], through: 0 });
    expect(wanted.news()).toEqual([{ table: 't', origin: 'a3@1', sequence: 2 }]);
    expect(wanted.news()).toEqual([]);
  });
});

describe('lives that a carrier is known to hold', () => {
  const stand = (ledger: Ledger, node: string, life: number): void =>
    ledger.stands(
      { table: 't', origin: `${node}@${life}` },
      { headers: { 'Tablecast-Held': '1', 'Tablecast-Session': '1', 'Tablecast-By': node }, place: life },
    );

  it('are 64 of each node, the newest', () => {
    const ledger = new Ledger('a');
    stand(ledger, 'other', 1);
    for (let life = 1; life <= 64; life++) stand(ledger, 'a', life);
    expect(ledger.vector('t')).toHaveLength(65);
    stand(ledger, 'a', 65);
    expect(ledger.vector('t')).toHaveLength(65);
    expect(ledger.entry('t', 'a@1').held).toBe(0);
    expect(ledger.entry('t', 'a@65').held).toBe(1);
  });

  it('are said of 16,384 at most', () => {
    const ledger = new Ledger('a');
    for (let node = 0; node <= 16_384; node++) stand(ledger, `n${node}`, 1);
    expect(ledger.vector('t')).toHaveLength(16_384);
  });
});

describe('what a carrier says of a table', () => {
  const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const table = (members: object) => bytes({ fingerprint: '{}', mode: 'lww', declaration: {}, ...members });
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);

  it('is as deep and as long as a peer may say it', () => {
    expect(readDeclared(table({ fingerprint: 'x'.repeat(4096) }))).toBeDefined();
    expect(readDeclared(table({ fingerprint: 'x'.repeat(4097) }))).toBeUndefined();
    expect(readDeclared(table({ declaration: nested(15) }))).toBeDefined();
    expect(readDeclared(table({ declaration: nested(16) }))).toBeUndefined();
  });

  it('names switches and lives of which a peer may speak', () => {
    const kept = { name: 'x', bytes: 1, held: [], mode: 'lww', through: 1 };
    const epoch = (counter: number) => ({ ...kept, epoch: { counter, origin: 'a@1' } });
    expect(readKept(bytes(epoch(MAX_SWITCHES)))).toBeDefined();
    expect(readKept(bytes(epoch(MAX_SWITCHES + 1)))).toBeUndefined();
    const lives = (count: number) => ({ ...kept, held: Array.from({ length: count }, () => ['a@1', 1, 1]) });
    expect(readKept(bytes(lives(16_384)))).toBeDefined();
    expect(readKept(bytes(lives(16_385)))).toBeUndefined();
  });

  it('is under a subject of four tokens, of a table and a life', () => {
    const of = (...tokens: string[]) => authorOf(['operations', ...tokens]);
    expect(of('t', 'a', '1')).toEqual({ table: 't', origin: 'a@1' });
    expect(of('x'.repeat(128), 'a', '1')).toBeDefined();
    expect(of('x'.repeat(129), 'a', '1')).toBeUndefined();
    expect(of('t', 'x'.repeat(65), '1')).toBeUndefined();
    expect(of('t', 'a', '1'.repeat(12))).toBeUndefined();
    expect(of('t', 'a@', '1')).toBeUndefined();
    expect(of('t', 'a', '1', '2')).toBeUndefined();
  });
});

it('notes wait up to 16 MiB with 128 bytes for each, and what comes beyond is dropped', async () => {
  const waiting = new NotesWaiting(() => undefined);
  const note = (size: number) => ({ by: 'a', to: undefined, bytes: new Uint8Array(size) });
  const most = 16 * 1024 * 1024;
  waiting.add(note(most - 128));
  waiting.add(note(0));
  const reader = waiting[Symbol.asyncIterator]();
  expect((await reader.next()).value.bytes).toHaveLength(most - 128);
  waiting.add(note(most - 127));
  waiting.add(note(1));
  expect((await reader.next()).value.bytes).toHaveLength(1);
  waiting.end();
  expect((await reader.next()).done).toBe(true);
});

it('frames of which some notes came are kept up to 16 MiB, and beyond it those that were begun are dropped', async () => {
  const said: Note[] = [];
  const maxMessageBytes = 4 * 1024 * 1024 + 8;
  const waiting = new NotesWaiting(() => undefined);
  const link = {
    maxMessageBytes,
    tell: async (note: Note) => void said.push(note),
    hear: async () => waiting,
  } as unknown as CarrierLink;
  const strange = (): never => expect.unreachable();
  const parts = { link, refused: strange, strange };
  const sender = new Notes({ ...parts, nodeId: 'a' });
  sender.tell(new Uint8Array(2 * (maxMessageBytes - 8)));
  const [first, second] = said as [Note, Note];
  const heard: string[] = [];
  new Notes({ ...parts, nodeId: 'own' }).listen(async ({ length }, from) => {
    heard.push(`${from} ${length}`);
  });
  const say = async (names: readonly string[], note: Note): Promise<void> => {
    for (const by of names) waiting.add({ ...note, by });
    await new Promise(setImmediate);
  };
  const whole = (names: readonly string[]) => names.map((name) => `${name} ${8 * 1024 * 1024}`);
  const four = ['a', 'b', 'c', 'd'];
  // Four beginnings of 4 MiB are as much as is kept.
  for (const by of four) await say([by], first);
  for (const by of four) await say([by], second);
  expect(heard.splice(0)).toEqual(whole(four));
  for (const by of [...four, 'e']) await say([by], first);
  for (const by of [...four, 'e']) await say([by], second);
  expect(heard).toEqual(whole(['e']));
});
