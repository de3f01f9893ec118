import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import { readLog } from '../support/read-log.ts';
import { settle, withCluster } from './fixture.ts';

/** Reads what docs/protocol.md describes, written from that page and not from the code. */
class Page {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  byte(): number {
    return this.view.getUint8(this.at++);
  }

  u32(): number {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }

  f64(): number {
    this.at += 8;
    return this.view.getFloat64(this.at - 8, true);
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  }

  take(count: number): Uint8Array {
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  utf8(count: number): string {
    return new TextDecoder().decode(this.take(count));
  }

  text(): string {
    return this.utf8(this.varint());
  }

  /** Reads fields whose content this test does not need. */
  skip(fields: readonly ('varint' | 'text' | 'byte')[]): void {
    for (const field of fields) this[field]();
  }

  widths(count: number, width = this.byte()): number[] {
    return Array.from({ length: count }, () => {
      return this.take(width).reduceRight((value, byte) => value * 256 + byte, 0);
    });
  }

  texts(count: number): string[] {
    this.byte();
    const width = this.byte();
    const lengths = width === 0 ? repeat(this.varint(), count) : this.widths(count, width);
    return lengths.map((length) => this.utf8(length));
  }

  column(count: number): unknown[] {
    const layout = this.byte();
    const each = (read: () => unknown): unknown[] => Array.from({ length: count }, read);
    switch (layout) {
      case 1:
        return each(() => this.f64());
      case 2:
        return this.widths(count);
      case 3:
        return each(() => {
          const coded = this.varint();
          return coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2;
        });
      case 6:
        return this.texts(count);
      case 7:
        return each(() => this.byte() === 1);
      default:
        return [];
    }
  }

  /** Values that are repeated: until `count`, pairs of how often and what. */
  repeated(count: number, pair: () => { times: number; value: number }): number[] {
    const values: number[] = [];
    while (values.length < count) {
      const { times, value } = pair();
      for (let index = 0; index < times; index++) values.push(value);
    }
    return values;
  }
}

function repeat(value: number, count: number): number[] {
  return Array.from({ length: count }, () => value);
}

interface ReadOperation {
  readonly table: string;
  readonly origin: string;
  readonly sequence: number;
  readonly kind: string;
  readonly key: string | undefined;
  readonly value: unknown;
  readonly time: number;
}

/** What is known of one origin's chapter of one table. */
interface Chapter {
  chapter: number;
  keys: string[];
}

const kinds = ['set', 'delete', 'clear', 'expire', 'switch'];

function readRun(bytes: Uint8Array, chapters: Map<string, Chapter>): ReadOperation[] {
  const page = new Page(bytes);
  expect(page.byte()).toBe(1);
  const flags = page.byte();
  const [table, origin] = [page.text(), page.text()];
  page.u32();
  const [first, count] = [page.varint(), page.varint()];
  if ((flags & 4) !== 0) page.skip(['varint', 'text', 'byte']);
  const [chapter, keysBefore] = [page.varint(), page.varint()];
  page.varint();
  for (let left = page.varint(); left > 0; left--) page.text();
  for (let left = page.varint(); left > 0; left--) page.skip(['varint', 'varint']);
  const newKeys = page.varint();
  const known = chapters.get(`${table} ${origin}`);
  const keys = known?.chapter === chapter ? known.keys.slice(0, keysBefore) : [];
  expect(keys).toHaveLength(keysBefore);
  if (newKeys > 0) keys.push(...page.texts(newKeys));
  chapters.set(`${table} ${origin}`, { chapter, keys });
  let stamp = page.f64();
  const stamps =
    (flags & 2) === 0
      ? repeat(stamp, count)
      : page.repeated(count, () => {
          const times = page.varint();
          stamp += page.varint();
          return { times, value: stamp };
        });
  const kindOf =
    (flags & 1) === 0
      ? repeat(0, count)
      : page.repeated(count, () => ({ value: page.byte(), times: page.varint() }));
  const ids = page.widths(count);
  const values = page.column(kindOf.filter((kind) => kind === 0).length);
  for (const kind of kindOf) if (kind === 3) page.skip(['varint', 'varint']);
  expect(page.u32()).toBe(crc32(bytes.subarray(0, bytes.length - 4)));
  expect(page.at).toBe(bytes.length);
  return ids.map((id, index) => ({
    table,
    origin,
    sequence: first + index,
    kind: kinds[kindOf[index] as number] as string,
    key: (kindOf[index] as number) === 2 ? undefined : keys[id],
    value: kindOf[index] === 0 ? values.shift() : undefined,
    time: Math.floor((stamps[index] as number) / 1024),
  }));
}

it('the bytes on the wire say what docs/protocol.md says they say', async () => {
  await withCluster({ size: 2 }, async (cluster) => {
    const read: ReadOperation[] = [];
    const chapters = new Map<string, Chapter>();
    cluster.network.observe = ({ from, frame }) => {
      const page = new Page(frame);
      if (from !== 'ws://n0' || page.byte() !== 3) return;
      for (let runs = page.varint(); runs > 0; runs--) {
        read.push(...readRun(page.take(page.varint()), chapters));
      }
      expect(page.at).toBe(frame.length);
    };
    const [numbers] = cluster.declare('numbers', { key: 'string', value: 'double', writeExpire: '900ms' });
    const [texts] = cluster.declare('texts', { key: 'string', value: 'string' });
    const [flags] = cluster.declare('flags', { key: 'addr', value: 'bool' });
    const [set] = cluster.declare('set', { key: 'string' });
    for (let round = 0; round < 40; round++) {
      numbers?.set(`k${round % 7}`, [round, -round, round / 3, 2 ** 40][round % 4] as number);
      texts?.set(round % 2 === 0 ? 'a' : 'ä long key', ['x', 'längere Werte', ''][round % 3] as string);
      if (round % 5 === 0) texts?.delete('a');
      flags?.set('10.0.0.1', round % 2 === 0);
      set?.add(`m${round}`);
      if (round % 9 === 8) set?.clear();
      if (round % 4 === 0) await cluster.run(30);
    }
    await settle(cluster);
    await cluster.run(3000);
    const logged = await cluster.time.until(readLog(cluster.node(0)));
    const name = ({ table, sequence }: { table: string; sequence: number }): string => `${table} ${sequence}`;
    const expected = new Map(logged.map((operation) => [name(operation), operation]));
    expect(read).toHaveLength(logged.length);
    expect(logged.some(({ kind }) => kind === 'expire')).toBe(true);
    for (const operation of read) expect(expected.get(name(operation))).toMatchObject(operation);
  });
});
