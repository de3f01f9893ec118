import { describe, expect, it } from 'vitest';
import type { TablecastError } from '../../../src/errors.ts';
import { recordMapper, type LogRecord } from '../../../src/cli/formats/index.ts';
import type { TypeName } from '../../../src/index.ts';
import { collect, failureOf, zeekLog } from './collect.ts';

function recordOf(text: string): LogRecord {
  return { line: 7, fields: new Map([['f', text]]) };
}

function mapOne(type: TypeName, text: string): unknown {
  return recordMapper({ key: ['f'] }, { key: type })(recordOf(text))?.key;
}

describe('mapping records to rows', () => {
  it.each<[TypeName, string, unknown]>([
    ['time', '1521911720.865716', 1_521_911_720_865_716_000n],
    ['time', '1521911720.865716001', 1_521_911_720_865_716_001n],
    ['time', '2018-03-24T17:15:20.865716Z', 1_521_911_720_865_716_000n],
    ['time', '2018-03-24T18:15:20+01:00', 1_521_911_720_000_000_000n],
    ['time', '-0.5', -500_000_000n],
    ['interval', '0.000870', 870_000n],
    ['interval', '8.7e-05', 87_000n],
    ['interval', '0.0008699893951416016', 869_989n],
    ['interval', '0.0000000015', 2n],
    ['interval', '-0.0000000015', -2n],
    ['interval', '0.00000000149', 1n],
    ['interval', '3', 3_000_000_000n],
    ['count', '5', 5],
    ['count', '9007199254740991', 9_007_199_254_740_991],
    ['count', '9007199254740993', 9_007_199_254_740_993n],
    ['count', '18446744073709551615', 18_446_744_073_709_551_615n],
    ['int', '-9223372036854775808', -9_223_372_036_854_775_808n],
    ['int', '+7', 7],
    ['int', '-0', 0],
    ['double', '-0', -0],
    ['double', '1e-300', 1e-300],
    ['bool', 'T', true],
    ['bool', 'false', false],
    ['addr', '10.0.0.1', '10.0.0.1'],
    ['addr', '2001:DB8::1', '2001:db8::1'],
    ['subnet', '10.0.0.0/8', '10.0.0.0/8'],
    ['subnet', '::/128', '::/128'],
    ['port', '080/TCP', '80/tcp'],
    ['enum', 'Demo::RED', 'Demo::RED'],
    ['pattern', '/a|b/', '/a|b/'],
    ['pattern', '/a\\/b/is', '/a\\/b/is'],
    ['string', '', ''],
    ['time', '1521911720.', 1_521_911_720_000_000_000n],
    ['time', '1.521911720865716e9', 1_521_911_720_865_716_000n],
    ['time', '2.385642e+09', 2_385_642_000_000_000_000n],
    ['time', '9223372036.854775807', 2n ** 63n - 1n],
    ['time', '-9223372036.854775808', -(2n ** 63n)],
    ['time', '-62', -62_000_000_000n],
    ['time', '1e-300', 0n],
    ['time', '-0.000000', 0n],
    ['time', '1767600001123', 1_767_600_001_123_000_000n],
    ['time', '-1767600001123', -1_767_600_001_123_000_000n],
    ['time', '18446744073709551116', -500_000_000n],
    ['time', '18446742306109550493', -1_767_600_001_123_000_000n],
    ['time', '1969-12-31T23:59:59.500000Z', -500_000_000n],
    ['time', '1677-09-21T00:12:44Z', -9_223_372_036_000_000_000n],
    ['time', '2018-03-24t17:15:20.8657160014z', 1_521_911_720_865_716_001n],
    ['time', '+2018-03-24T16:45:20-0030', 1_521_911_720_000_000_000n],
    ['interval', '5.0 secs', 5_000_000_000n],
    ['interval', '2.0 mins 3.5 secs', 123_500_000_000n],
    ['interval', '-1.0 hr 1.0 msec', -3_599_999_000_000n],
    ['interval', '1 day', 86_400_000_000_000n],
    ['interval', '1500ms', 1_500_000_000n],
    ['interval', '1000000.5', 1_000_000_500_000_000n],
    ['count', '1.0', 1],
    ['double', '.5', 0.5],
    ['double', '-Infinity', -Infinity],
    ['bool', 'TRUE', true],
    ['bool', 'f', false],
    ['addr', '[2001:DB8::1]', '2001:db8::1'],
    ['addr', '::ffff:1.2.3.4', '::ffff:1.2.3.4'],
    ['subnet', '[2001:db8::]/32', '2001:db8::/32'],
    ['port', '0/?', '0/unknown'],
    ['port', '7/unknown_transport', '7/unknown'],
    ['port', '7/UNKNOWN', '7/unknown'],
  ])('reads %s %s', (type, text, value) => {
    expect(mapOne(type, text)).toBe(value);
  });

  it.each<[TypeName, string]>([
    ['time', '2018-02-30T00:00:00Z'],
    ['time', '2018-03-24T17:15:20'],
    ['time', '2000-01-01T00:00:00.000000'],
    ['time', '2018-03-24T24:00:00Z'],
    ['time', 'nan'],
    ['interval', '5 fortnights'],
    ['interval', '5 min x'],
    ['interval', ''],
    ['count', '1.5'],
    ['count', '1e3'],
    ['double', ''],
    ['double', '0x10'],
    ['bool', 'yes'],
    ['addr', '10.0.0.01'],
    ['addr', 'fe80::1%eth0'],
    ['subnet', '10.0.0.0'],
    ['subnet', '10.0.0.0/x'],
    ['port', '80'],
    ['port', '80/tcp/tcp'],
    ['port', '80/sctp'],
    ['enum', 'a b'],
    ['pattern', 'a'],
    ['pattern', '/'],
    ['pattern', '/a/g'],
    ['any', '{'],
  ])('refuses %s %s with line, field and value', async (type, text) => {
    const error = await failureOf(() => mapOne(type, text));
    expect(error.code).toBe('IMPORT_INVALID');
    expect(error.message).toMatch(/^line 7, field 'f': expected /);
    expect(error.message).toContain(text === '' ? '""' : text.slice(0, 8).replaceAll('"', '\\"'));
  });

  it.each<[TypeName, string, string]>([
    ['time', '253402300799.000000', '64 bits of nanoseconds since 1970 (1677-09-21 to 2262-04-11)'],
    ['time', '253402300799', '64 bits'],
    ['time', '9223372036.854775808', '64 bits'],
    ['time', '9223372036855', '64 bits'],
    ['time', '-62135596800.000000', '64 bits'],
    ['time', '1e99', '64 bits'],
    ['time', `1${'0'.repeat(300)}.000000`, '64 bits'],
    ['time', '9999-12-31T23:59:59Z', '64 bits'],
    ['time', '0001-01-01T00:00:00Z', '64 bits'],
    ['time', '-000001-01-01T00:00:00Z', '64 bits'],
    ['time', '+010000-01-01T00:00:00.5Z', '64 bits'],
    ['time', '2262-04-11T23:47:17Z', '64 bits'],
    ['interval', '9223372037', '64 bits of nanoseconds (292 years)'],
    ['interval', '106752 days', '64 bits'],
    ['interval', `${'9'.repeat(99)} secs`, '64 bits'],
    ['count', '-1', 'a count (0 to 2^64-1)'],
    ['count', '18446744073709551616', 'a count (0 to 2^64-1)'],
    ['count', '9'.repeat(1000), 'a count (0 to 2^64-1)'],
    ['int', '9223372036854775808', 'an int (-2^63 to 2^63-1)'],
    ['int', '-9223372036854775809', 'an int'],
    ['double', '1e999', 'the largest double'],
    ['double', '-1e999', 'the largest double'],
    ['subnet', '10.0.0.0/33', 'a prefix length of 32'],
    ['subnet', '2001:db8::/129', 'a prefix length of 128'],
    ['port', '65536/tcp', 'a port number (0 to 65535)'],
    ['any', '{"n":9007199254740993}', '2^53'],
    ['any', `[1${'0'.repeat(400)}]`, '2^53'],
  ])('names the limit that %s %s is beyond', async (type, text, limit) => {
    const error = await failureOf(() => mapOne(type, text));
    expect(error.message).toMatch(/^line 7, field 'f': found ".*…?", which is beyond /);
    expect(error.message).toContain(limit);
    expect(error.message).not.toContain('expected');
    expect(error.details).toMatchObject({ reason: 'limit' });
  });

  it('takes the unit of bare numbers from the mapping', async () => {
    const record: LogRecord = { line: 1, fields: new Map([['f', '1500.5']]) };
    const units = { timeUnit: 'ms', intervalUnit: 'us' } as const;
    const of = (type: TypeName) => recordMapper({ key: ['f'], ...units }, { key: type })(record)?.key;
    expect([of('time'), of('interval')]).toEqual([1_500_500_000n, 1_500_500n]);
  });

  it('learns that whole numbers are milliseconds, and never takes them for both', async () => {
    const mapper = recordMapper({ key: ['f'] }, { key: 'time' });
    const learned = ['0', '1767600001123', '2000', '1767600001.5'].map((text) => mapper(recordOf(text))?.key);
    expect(learned).toEqual([0n, 1_767_600_001_123_000_000n, 2_000_000_000n, 1_767_600_001_500_000_000n]);
    const other = recordMapper({ key: ['f'] }, { key: 'time' });
    expect(other(recordOf('1767600001'))?.key).toBe(1_767_600_001_000_000_000n);
    const error = await failureOf(() => other(recordOf('1767600001123')));
    expect(error.hint).toContain('--time-unit ms');
  });

  it('gives lists of a Zeek log the elements that its JSON has', async () => {
    const types =
      'vector[interval]\tvector[bool]\tset[port]\tvector[count]\tset[string]\tvector[double]\tset[addr]';
    const row = '60.000000,-\tT,F\t80,443\t5,18446744073709551615\ta\\x2cb,(empty)\t1.5,nan\t10.0.0.1';
    const [record] = await collect(zeekLog('a\tb\tc\td\te\tf\tg', types, row));
    const values = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(
      (field) =>
        recordMapper({ key: ['g'], value: field }, { key: 'any', value: 'vector' })(record as LogRecord)
          ?.value,
    );
    expect(values).toEqual([
      [60, null],
      [true, false],
      [80, 443],
      [5, '18446744073709551615'],
      ['a,b', ''],
      [1.5, 'nan'],
      ['10.0.0.1'],
    ]);
    const [bad] = await collect(zeekLog('a', 'vector[count]', '1,x'));
    const error = await failureOf(() => recordMapper({ key: ['a'] }, { key: 'any' })(bad as LogRecord));
    expect(error.message).toContain(`expected a count (0 to 2^64-1) in each element, found "x"`);
  });

  it('takes a protocol that the number brings itself, unless the other field says otherwise', async () => {
    const [same, other, none] = await collect('p,proto\n80/tcp,tcp\n80/tcp,udp\n80/tcp,\n');
    const mapper = recordMapper({ key: ['p/proto'] }, { key: 'port' });
    for (const record of [same, none]) expect(mapper(record as LogRecord)?.key).toBe('80/tcp');
    expect((await failureOf(() => mapper(other as LogRecord))).message).toContain('found "80/tcp/udp"');
  });

  it('takes no longer than linear time for hostile text', async () => {
    const digits = '1'.repeat(500_000);
    const started = performance.now();
    for (const type of ['double', 'time', 'count', 'enum', 'addr', 'any'] as const) {
      await failureOf(() => mapOne(type, `${digits}x`));
      await failureOf(() => mapOne(type, `"${'\\"'.repeat(250_000)}`));
    }
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('joins number and protocol of a port from two fields, or a fixed protocol', async () => {
    const log = zeekLog('host\tport_num\tport_proto', 'addr\tport\tenum', '10.0.0.1\t80\ttcp');
    const [record] = await collect(log);
    const two = recordMapper({ key: ['host', 'port_num/port_proto'] }, { key: ['addr', 'port'] });
    expect(two(record as LogRecord)).toEqual({ key: ['10.0.0.1', '80/tcp'], value: undefined });
    const fixed = recordMapper({ key: ['host'], value: 'port_num/udp' }, { key: 'addr', value: 'port' });
    expect(fixed(record as LogRecord)).toEqual({ key: '10.0.0.1', value: '80/udp' });
    const bare = recordMapper({ key: ['port_num'], file: 'x.log' }, { key: 'port' });
    const error = await failureOf(() => bare(record as LogRecord));
    expect(error.message).toContain("x.log, line 8, field 'port_num': expected a port");
    expect(error.hint).toContain('port_num/proto');
  });

  it('stops at an unset field or leaves the record out, as told', async () => {
    const records = await collect(zeekLog('a\tb', 'string\tcount', 'x\t-', 'y\t2'));
    const declaration = { key: 'string', value: 'count' } as const;
    const strict = recordMapper({ key: ['a'], value: 'b' }, declaration);
    expect((await failureOf(() => strict(records[0] as LogRecord))).message).toBe("line 8, field 'b': unset");
    const lenient = recordMapper({ key: ['a'], value: 'b', onUnset: 'skip' }, declaration);
    expect(records.map(lenient)).toEqual([undefined, { key: 'y', value: 2 }]);
  });

  it('tells why a record is left out, and names the fields there are when one does not exist', async () => {
    const records = await collect(zeekLog('a\tb', 'string\tcount', 'x\t-'));
    const told: [unknown, string | undefined][] = [];
    const onSkip = (error: TablecastError) => told.push([error.details['reason'], error.hint]);
    for (const field of ['b', 'c'])
      records.map(recordMapper({ key: [field], onUnset: 'skip', onSkip }, { key: 'string' }));
    expect(told).toEqual([
      ['unset', expect.stringContaining('this record has: a, b.')],
      ['absent', 'The fields are: a, b.'],
    ]);
    const stopped = await failureOf(() =>
      recordMapper({ key: ['c'] }, { key: 'string' })(records[0] as LogRecord),
    );
    expect(stopped.message).toBe("line 8, field 'c': there is no such field");
  });

  it('reads complex values from nested JSON, JSON text and lists', async () => {
    const [json] = await collect('{"k":"x","v":{"n":[1,"1",null]}}');
    const mapper = recordMapper({ key: ['k'], value: 'v' }, { key: 'string', value: 'record' });
    expect(mapper(json as LogRecord)?.value).toEqual({ n: [1, '1', null] });
    const [text] = await collect('k,v\nx,"{""n"":1}"\n');
    expect(mapper(text as LogRecord)?.value).toEqual({ n: 1 });
    const [zeek] = await collect(zeekLog('k\tv', 'string\tset[string]', 'x\ta,b'));
    expect(mapper(zeek as LogRecord)?.value).toEqual(['a', 'b']);
  });

  it('refuses a list or object where one value is expected', async () => {
    const records = await collect('{"v":[1]}\n{"v":{"a":1}}');
    const mapper = recordMapper({ key: ['v'] }, { key: 'string' });
    for (const record of records) {
      expect((await failureOf(() => mapper(record))).message).toContain('a list or object');
    }
  });

  it.each([
    [{ key: ['a'] }, { key: ['addr', 'port'] }],
    [{ key: ['a'], value: 'b' }, { key: 'addr' }],
    [{ key: ['a'] }, { key: 'addr', value: 'count' }],
    [{ key: ['/proto'] }, { key: 'port' }],
    [{ key: ['a/'] }, { key: 'port' }],
    [{ key: [''] }, { key: 'string' }],
  ] as const)('refuses mapping %j for declaration %j', async (mapping, declaration) => {
    expect((await failureOf(() => recordMapper(mapping, declaration))).code).toBe('OPTION_INVALID');
  });
});
