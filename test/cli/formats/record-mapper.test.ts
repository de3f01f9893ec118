import { describe, expect, it } from 'vitest';
import { recordMapper, type ColumnTypeName, type LogRecord } from '../../../src/cli/formats/index.ts';
import { collect, failureOf, zeekLog } from './collect.ts';

function recordOf(text: string): LogRecord {
  return { line: 7, fields: new Map([['f', text]]) };
}

function mapOne(type: ColumnTypeName, text: string): unknown {
  return recordMapper({ key: ['f'] }, { key: type })(recordOf(text))?.key;
}

describe('mapping records to rows', () => {
  it.each<[ColumnTypeName, string, unknown]>([
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
  ])('reads %s %s', (type, text, value) => {
    expect(mapOne(type, text)).toBe(value);
  });

  it.each<[ColumnTypeName, string]>([
    ['time', '2018-02-30T00:00:00Z'],
    ['time', '2018-03-24T17:15:20'],
    ['time', '1e99'],
    ['time', '9223372036.854775808'],
    ['interval', '5 min'],
    ['count', '-1'],
    ['count', '18446744073709551616'],
    ['count', '1.0'],
    ['int', '9223372036854775808'],
    ['double', ''],
    ['double', '0x10'],
    ['bool', 'yes'],
    ['addr', '10.0.0.01'],
    ['addr', 'fe80::1%eth0'],
    ['subnet', '10.0.0.0/33'],
    ['port', '65536/tcp'],
    ['port', '80/sctp'],
    ['enum', 'a b'],
    ['pattern', 'a'],
    ['pattern', '/'],
    ['pattern', '/a/g'],
    ['any', '{"n":9007199254740993}'],
    ['any', `[1${'0'.repeat(400)}]`],
    ['any', '{'],
  ])('refuses %s %s with line, field and value', async (type, text) => {
    const error = await failureOf(() => mapOne(type, text));
    expect(error.code).toBe('IMPORT_INVALID');
    expect(error.message).toMatch(/^line 7, field 'f': expected /);
    expect(error.message).toContain(text === '' ? '""' : text.slice(0, 8).replaceAll('"', '\\"'));
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

  it('names the fields there are when one does not exist, even if unset ones are left out', async () => {
    const [record] = await collect(zeekLog('a\tb', 'string\tcount', 'x\t1'));
    const mapper = recordMapper({ key: ['c'], onUnset: 'skip' }, { key: 'string' });
    const error = await failureOf(() => mapper(record as LogRecord));
    expect(error.message).toBe("line 8, field 'c': there is no such field");
    expect(error.hint).toBe('The fields are: a, b.');
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
