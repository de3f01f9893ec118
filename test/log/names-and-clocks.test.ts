import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HybridClock, STAMPS_PER_MS, stampToMs } from '../../src/log/operations/hybrid-clock.ts';
import { Marks } from '../../src/log/operations/marks.ts';
import { Origins, checkNodeId, checkOwnId, newEpoch, originText } from '../../src/log/operations/origin.ts';
import { VersionVector } from '../../src/log/operations/version-vector.ts';

const entries = fc.array(fc.tuple(fc.nat({ max: 4 }), fc.integer({ min: 1, max: 9 })), { maxLength: 8 });

function vectorOf(pairs: readonly (readonly [number, number])[]): VersionVector {
  const vector = new VersionVector();
  for (const [origin, sequence] of pairs) vector.advance(origin, sequence);
  return vector;
}

describe('a version vector', () => {
  it('holds the highest of each origin, and 0 of those it does not know', () => {
    fc.assert(
      fc.property(entries, (pairs) => {
        const vector = vectorOf(pairs);
        for (const origin of [0, 1, 2, 3, 4, 5]) {
          const highest = Math.max(
            0,
            ...pairs.filter(([one]) => one === origin).map(([, sequence]) => sequence),
          );
          expect(vector.get(origin)).toBe(highest);
        }
      }),
    );
  });

  it('covers another exactly when it misses nothing of it, and after merging it always does', () => {
    fc.assert(
      fc.property(entries, entries, (one, other) => {
        const [here, there] = [vectorOf(one), vectorOf(other)];
        expect(here.covers(there)).toBe(here.missing(there) === 0);
        const merged = here.copy();
        merged.merge(there);
        expect(merged.covers(here) && merged.covers(there)).toBe(true);
        expect([...here.entries()]).toEqual([...vectorOf(one).entries()]);
      }),
    );
  });
});

describe('a hybrid clock', () => {
  it('never runs backward, and stamps later than all it has seen, whatever the machine clock does', () => {
    const events = fc.array(
      fc.oneof(fc.record({ nowMs: fc.nat({ max: 1e6 }) }), fc.record({ seen: fc.nat({ max: 2e9 }) })),
    );
    fc.assert(
      fc.property(events, (given) => {
        let now = 0;
        let last = -1;
        const clock = new HybridClock({ now: () => 0, believed: () => now });
        clock.restart(true);
        for (const event of given) {
          if ('nowMs' in event) {
            now = event.nowMs;
            clock.look();
          } else {
            clock.observe(event.seen);
            expect(clock.stamp()).toBeGreaterThan(event.seen);
          }
          const stamp = clock.stamp();
          expect(stamp).toBeGreaterThanOrEqual(last);
          expect(stamp).toBeGreaterThanOrEqual(now * STAMPS_PER_MS);
          last = stamp;
        }
      }),
    );
  });

  it('tells milliseconds of stamps exactly', () => {
    const now = (): number => 1_767_225_600_123;
    expect(stampToMs(new HybridClock({ now, believed: now }).stamp())).toBe(1_767_225_600_123);
  });

  it('takes note of nothing where stamps order nothing, and follows the machine clock either way', () => {
    let now = 5000;
    const clock = new HybridClock({ now: () => now, believed: () => 0 });
    clock.restart(false);
    clock.observe(1e12);
    expect(stampToMs(clock.stamp())).toBe(5000);
    now = 3000;
    clock.look();
    expect(stampToMs(clock.stamp())).toBe(3000);
  });
});

describe('marks', () => {
  it('never point behind the operation asked for, and seldom far before it', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(lengths, (runs) => {
        const marks = new Marks();
        let sequence = 1;
        let position = 10;
        const placed: [number, number][] = [];
        for (const length of runs) {
          marks.note(7, sequence, position);
          placed.push([sequence, position]);
          sequence += length;
          position += length * 2;
        }
        for (const [first, at] of placed) {
          const found = marks.positionOf(7, first);
          expect(found).toBeLessThanOrEqual(at);
          expect(at - found).toBeLessThanOrEqual(2 * (8192 + 5000));
        }
        expect(marks.positionOf(8, 1)).toBe(1);
        expect(marks.positionOf(undefined, 1)).toBe(1);
      }),
    );
  });
});

describe('names of lives', () => {
  it('begin a new epoch after every earlier one, whatever the clock says', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.maxSafeNat(),
        (now, random, after) => {
          expect(newEpoch(now, random, after)).toBeGreaterThan(after);
        },
      ),
    );
  });

  it('are numbered once each and refused when they name no node', () => {
    const origins = new Origins();
    const text = originText('node-1.x', 1_767_225_600_000 * 1024);
    expect(origins.intern(text)).toBe(origins.intern(text));
    expect(origins.at(origins.intern(text))).toEqual({
      text,
      nodeId: 'node-1.x',
      epoch: 1_767_225_600_000 * 1024,
    });
    expect(origins.find('other@1')).toBeUndefined();
    for (const bad of [
      '',
      '@1',
      'a@',
      'a',
      'a@A',
      '__proto__',
      'a b@1',
      `${'x'.repeat(65)}@1`,
      'a@123456789012',
    ])
      expect(() => origins.intern(bad), bad).toThrow(expect.objectContaining({ code: 'OPERATION_INVALID' }));
    expect(() => checkNodeId('x'.repeat(65))).toThrow('more than 64 characters');
    for (const bad of ['', '-a', 'a/b', '../x', 'ä', 'x'.repeat(65), undefined, 7])
      expect(() => checkNodeId(bad), String(bad)).toThrow(
        expect.objectContaining({ code: 'OPTION_INVALID' }),
      );
  });

  it('reserves the ids that mean nodes of Zeek', () => {
    for (const reserved of ['zeek.worker-1.sensor', 'zeek-site.worker-1.sensor', 'zeek.x'])
      expect(() => checkOwnId(reserved), reserved).toThrow(
        expect.objectContaining({ code: 'OPTION_INVALID' }),
      );
    for (const free of ['zeek', 'zeek-manager', 'zeekster.local', 'my.zeek.node'])
      expect(() => checkOwnId(free), free).not.toThrow();
  });
});
