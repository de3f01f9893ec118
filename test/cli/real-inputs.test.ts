import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { zeekLog } from './formats/collect.ts';
import { importing, importingFile } from './imports.ts';

const byQuery = { key: ['query'], value: 'ts' };
const timed = 'key=string value=time';

describe('an import of a log whose layout changes', () => {
  it('leaves out and counts the records whose layout lacks a field, and reads the rest', async () => {
    const dns = (query: string) => zeekLog('ts\tquery', 'time\tstring', `1.5\t${query}`);
    const http = zeekLog('ts\thost', 'time\tstring', '2.5\twww.example', '3.5\tweb.example');
    const { rows, imported } = await importing(dns('a.example') + http + dns('b.example'), timed, byQuery);
    expect([...rows.keys()]).toEqual(['a.example', 'b.example']);
    expect(imported).toMatchObject({ rows: 2, newKeys: 2, skippedLines: 0, skippedRecords: 2 });
    expect(imported?.leftOut).toEqual([{ reason: 'there is no field query', count: 2, firstLine: 17 }]);
  });

  it('stops there with --strict, with what was read before', async () => {
    const log = zeekLog('ts\tquery', 'time\tstring', '1.5\ta') + zeekLog('ts', 'time', '2.5');
    const { rows, error } = await importing(log, timed, { ...byQuery, strict: true });
    expect([...rows]).toEqual([['a', 1_500_000_000n]]);
    expect(error?.message).toContain(
      "line 17, field 'query': there is no such field. Of 1 row written 1 stand",
    );
  });

  it('reads every member of a concatenated archive by its own header', async () => {
    const members = [
      zeekLog('ts\tquery', 'time\tstring', '1.5\ta'),
      '{"ts":2.5,"query":"b"}\n',
      zeekLog('query\tts', 'string\ttime', 'c\t3.5'),
    ];
    const { rows } = await importing(Buffer.concat(members.map((text) => gzipSync(text))), timed, byQuery);
    expect([...rows]).toEqual([
      ['a', 1_500_000_000n],
      ['b', 2_500_000_000n],
      ['c', 3_500_000_000n],
    ]);
  });
});

describe('an import of rows that say the same key', () => {
  it('says how many rows it read and how many keys are new', async () => {
    const { rows, imported } = await importing('query,ts\na,1.5\nb,2.5\na,3.5\n', timed, byQuery);
    expect(imported).toMatchObject({ rows: 3, newKeys: 2 });
    expect(rows.get('a')).toBe(3_500_000_000n);
  });

  it('keeps apart keys that differ in bytes only', async () => {
    const log = zeekLog('ts\tquery', 'time\tstring', '1.0\t/p\\xff', '2.0\t/p\\\\xff', '3.0\t/p\\xfe');
    const { rows, imported } = await importing(log, timed, byQuery);
    expect(imported).toMatchObject({ rows: 3, newKeys: 3 });
    expect([...rows.keys()]).toEqual(['/p\u{f00ff}', '/p\\xff', '/p\u{f00fe}']);
  });
});

describe('an import of columns that nobody asked for', () => {
  it.each([
    [
      'nameless and doubled in a Zeek log',
      zeekLog('ts\t\t\tx\tx\tquery', 'time\t\t\taddr\tcount\tstring', '1.5\t\t\t?\t?\ta'),
    ],
    ['nameless and doubled in CSV', ',x,x,query,ts\n0,1,2,a,1.5\n'],
    [
      'broken in JSON',
      Buffer.from('{"x":"\\q","y":"@","z":NaN,"query":"a","ts":1.5}\n'.replace('@', '\u00ff'), 'latin1'),
    ],
  ])('is not harmed by what is %s', async (_, content) => {
    const { rows, imported } = await importing(content, timed, byQuery);
    expect([...rows]).toEqual([['a', 1_500_000_000n]]);
    expect(imported?.leftOut).toEqual([]);
  });

  it('says of one that was asked for what is wrong with it', async () => {
    const { imported } = await importing(',query,query,ts\n0,1,2,1.5\n', timed, byQuery);
    expect(imported?.leftOut).toEqual([
      { reason: 'query is not what the column takes', count: 1, firstLine: 2 },
    ]);
  });
});

describe('an import of damaged data', () => {
  const line = (at: number): string => `${at}.5\thost-${at}.example\n`;
  const log = `#fields\tts\tquery\n${Array.from({ length: 3000 }, (_, at) => line(at)).join('')}`;
  const whole = gzipSync(log);

  it.each([
    ['cut off', whole.subarray(0, Math.floor(whole.length / 2))],
    ['cut off in its checksum', whole.subarray(0, whole.length - 3)],
    ['followed by something else', Buffer.concat([whole, Buffer.from('trailing garbage')])],
    ['of another checksum', Buffer.concat([whole.subarray(0, -8), Buffer.alloc(4), whole.subarray(-4)])],
    ['followed by half a member', Buffer.concat([whole, whole.subarray(0, 40)])],
    [
      'overwritten in the middle',
      Buffer.concat([whole.subarray(0, 4000), Buffer.alloc(200, 0xff), whole.subarray(4200)]),
    ],
  ])('keeps what was read before, and says how much, where the archive is %s', async (how, bytes) => {
    const { rows, error } = await importing(bytes, timed, byQuery);
    const keys = [...rows.keys()];
    expect(keys.length).toBeGreaterThan(how.includes('overwritten') || how === 'cut off' ? 500 : 2999);
    // No half of a row: each is one of those that were written, in their order.
    const sound = keys.filter((key, at) => key === `host-${at}.example`);
    if (!how.includes('overwritten')) expect(sound).toHaveLength(keys.length);
    expect(error?.message).toContain(`Of ${keys.length} rows written ${keys.length} stand for certain`);
    expect(error?.message).toMatch(/gzip data after \d+ bytes of text/);
  });

  it('loses nothing that stands before a damaged byte', async () => {
    // Stored, not compressed: the header of the second block is damaged, and everything of the first is readable.
    const stored = gzipSync(log, { level: 0 });
    const block = 65_535;
    const damaged = Buffer.from(stored);
    damaged.fill(0xff, 10 + 5 + block, 10 + 5 + block + 5);
    const { rows } = await importing(damaged, timed, byQuery);
    const readable = log.slice(0, block).split('\n').length - 2;
    expect(rows.size).toBe(Math.min(readable, 3000));
    expect(readable).toBeGreaterThan(2000);
  });

  it('reads padding zeros, and damage of lines costs these lines', async () => {
    const padded = Buffer.concat([gzipSync(log), Buffer.alloc(512)]);
    expect((await importing(padded, timed, byQuery)).error).toBeUndefined();
    const lines = [
      zeekLog('ts\tquery', 'time\tstring', '1.5\ta'),
      `${'\u0000'.repeat(100)}\n`,
      `2.5\t${'x'.repeat(1_100_000)}\n`,
      '3.5\tb\tc\n',
      '4.5\td\n',
      '5.5\te',
    ];
    const { rows, imported } = await importing(lines.join(''), timed, byQuery);
    expect([...rows.keys()]).toEqual(['a', 'd']);
    expect(imported?.leftOut).toEqual([{ reason: 'lines cannot be read', count: 4, firstLine: 10 }]);
  });

  it('of which nothing can be read names every limit that a value is beyond', async () => {
    const log2 = zeekLog(
      'ts\tquery',
      'time\tstring',
      '253402300799.0\ta',
      '1.5\tb',
      `2.5\t${'k'.repeat(2000)}`,
    );
    const { rows, imported } = await importing(log2, timed, byQuery);
    expect([...rows.keys()]).toEqual(['b']);
    expect(imported?.leftOut.map(({ reason, firstLine }) => [reason, firstLine])).toEqual([
      ['ts is beyond a limit', 8],
      ['the table takes no such key', 10],
    ]);
  });
});

const cases = fileURLToPath(new URL('../../../shared/cases/zeek-logs/', import.meta.url));

describe.skipIf(!existsSync(cases))('the small inputs of ../shared/cases', () => {
  it.each([
    ['02-zeekcut-two-absent.log', timed, byQuery, 2, 0],
    ['03-dns-http-dns.log', timed, byQuery, 2, 1],
    ['03b-mixed.json', timed, byQuery, 2, 1],
    ['05-unknown-transport.log', 'key=addr,port', { key: ['id.resp_h', 'id.resp_p/proto'] }, 4, 0],
    ['06-json-millis.json', timed, { key: ['uid'], value: 'ts' }, 2, 0],
    ['07-json-raw-invalid.json', 'key=time', { key: ['ts'] }, 3, 0],
    ['08-bytes-vs-text.log', timed, { key: ['uri'], value: 'ts' }, 5, 0],
    ['20-vectors.log', 'key=string value=vector complexValues=true', { key: ['query'], value: 'TTLs' }, 1, 0],
    ['22b-tsv-header.log', 'key=addr value=string', { key: ['host'], value: 'name' }, 1, 2],
    ['25-x509-year-9999.log', timed, { key: ['fingerprint'], value: 'certificate.not_valid_after' }, 3, 2],
  ])('%s', async (name, declare, flags, ...[keys, leftOut]) => {
    const { rows, imported } = await importingFile(cases + name, declare, flags);
    expect([rows.size, imported?.newKeys, imported?.skippedRecords]).toEqual([keys, keys, leftOut]);
    if (name.startsWith('20')) expect(rows.get('one.example')).toEqual([60, 300]);
    if (name.startsWith('05'))
      expect([...rows.keys()].filter((key) => String(key).endsWith(' 0/unknown'))).toHaveLength(2);
  });

  it('18e-large-trailing-garbage.log.gz', async () => {
    const flags = { key: ['host', 'port_num/port_proto'], value: 'ts' };
    const file = `${cases}18e-large-trailing-garbage.log.gz`;
    expect(readFileSync(file).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
    const { rows, error } = await importingFile(file, 'key=addr,port value=time', flags);
    expect(rows.size).toBe(1095);
    expect(error?.message).toContain(
      'something else follows the compressed data). Of 1579 rows written 1579 stand',
    );
  });
});
