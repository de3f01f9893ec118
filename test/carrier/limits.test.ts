import { describe, expect, it } from 'vitest';
import { Ledger } from '../../src/carrier/ledger.ts';
import { Settling } from '../../src/carrier/settling.ts';
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
