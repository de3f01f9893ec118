import { describe, expect, it } from 'vitest';
import { collect, failureOf, inPieces, pairs, zeekLog } from './collect.ts';

describe('reading Zeek tab-separated logs', () => {
  it('keeps text exact and gives each field its type', async () => {
    const [record] = await collect(
      zeekLog('ts\tn\thost', 'time\tcount\taddr', '1521911720.865716\t18446744073709551615\t::1'),
    );
    expect(record?.line).toBe(8);
    expect(pairs(record)).toEqual([
      ['ts', '1521911720.865716'],
      ['n', '18446744073709551615'],
      ['host', '::1'],
    ]);
    expect(record?.types?.get('host')).toBe('addr');
  });

  it('tells unset from empty from text that looks like either', async () => {
    const [record] = await collect(
      zeekLog('a\tb\tc\td', 'string\tstring\tstring\tstring', '-\t(empty)\t\\x2d\t\\x28empty)'),
    );
    expect(pairs(record).map(([, value]) => value)).toEqual([undefined, '', '-', '(empty)']);
  });

  it('reads sets and vectors with unset, empty and escaped elements', async () => {
    const types = 'set[string]\tvector[string]\tvector[interval]\tset[addr]';
    const [record] = await collect(zeekLog('a\tb\tc\td', types, 'x\\x2cy,z\t-,(empty),q\t(empty)\t-'));
    expect(pairs(record).map(([, value]) => value)).toEqual([
      ['x,y', 'z'],
      [undefined, '', 'q'],
      [],
      undefined,
    ]);
  });

  it('decodes escaped bytes as UTF-8; bytes that are none get a text of their own', async () => {
    const row = 'gr\\xc3\\xbcn\tb\\xe9\ta\\x5cb\\\\c\\q\t\\x09';
    const [record] = await collect(zeekLog('a\tb\tc\td', 'string\tstring\tstring\tstring', row));
    expect(pairs(record).map(([, value]) => value)).toEqual(['grün', 'b\u{f00e9}', 'a\\b\\c\\q', '\t']);
  });

  it('keeps a byte apart from the text of its escape, and raw bytes apart from what stands for them', async () => {
    const log = Buffer.from(
      zeekLog('a', 'string', 'p\\xff', 'p\\\\xff', 'p@', 'p\u{f00ff}', 'p\\x07', 'p\\\\x07'),
    );
    log[log.indexOf('p@') + 1] = 0xff;
    const texts = (await collect(log)).map((record) => record.fields.get('a'));
    const spelled = 'p\u{f00f3}\u{f00b0}\u{f0083}\u{f00bf}';
    expect(texts).toEqual(['p\u{f00ff}', 'p\\xff', 'p\u{f00ff}', spelled, 'p\u0007', 'p\\x07']);
  });

  it('follows each header of concatenated logs', async () => {
    const second = [
      '#separator |',
      '#unset_field|NONE',
      '#fields|b|c',
      '#types|count|string',
      '5|NONE',
      '',
    ].join('\n');
    const records = await collect(zeekLog('a', 'string', 'x') + second);
    expect(records.map(pairs)).toEqual([
      [['a', 'x']],
      [
        ['b', '5'],
        ['c', undefined],
      ],
    ]);
  });

  it('reads a log without #types as plain text', async () => {
    const [record] = await collect('#fields\ta\tb\n1,2\t-\n');
    expect(pairs(record)).toEqual([
      ['a', '1,2'],
      ['b', undefined],
    ]);
    expect(record?.types).toBeUndefined();
  });

  it('gives the same records whatever the pieces it arrives in', async () => {
    const log = Buffer.from(zeekLog('a\tb', 'string\tstring', 'grün\tx', 'ß\t-', 'last\t😀'));
    const whole = await collect(log);
    expect(whole).toHaveLength(3);
    for (const size of [1, 2, 3, 7, 50]) expect(await collect(inPieces(log, size))).toEqual(whole);
  });

  it('accepts carriage returns, a byte order mark, blank lines and a missing last line feed', async () => {
    const log = `\uFEFF${zeekLog('a\tb', 'string\tstring', 'x\ty', '')}`.replaceAll('\n', '\r\n').trimEnd();
    expect((await collect(log)).map(pairs)).toEqual([
      [
        ['a', 'x'],
        ['b', 'y'],
      ],
    ]);
  });

  it('stops at a bad line with file, line and what was expected', async () => {
    const log = zeekLog('a\tb', 'string\tstring', 'x\ty', 'alone');
    const error = await failureOf(() => collect(log));
    expect(error.code).toBe('IMPORT_INVALID');
    expect(error.message).toBe('test input, line 9: expected 2 columns as in #fields, found 1 columns');
    expect(error.details).toMatchObject({ file: 'test input', line: 9 });
  });

  it('harms no row for columns that nobody can ask for: nameless, doubled, without a type', async () => {
    const log = zeekLog('ts\t\t\tquery\tx\tx', 'time\t\t\tstring\taddr\tcount', '1.0\t\t\tone\t10.0.0.1\t5');
    const [record] = await collect(log);
    expect(pairs(record)).toEqual([
      ['ts', '1.0'],
      ['query', 'one'],
    ]);
    expect(record?.faults?.get('x')).toBe('more than one column has this name');
    const skipped: unknown[] = [];
    const options = { onBadLine: 'skip', onSkip: (error: Error) => skipped.push(error.message) } as const;
    const [untyped] = await collect('#fields\ta\tb\n#types\tstring\n1\t2\n', options);
    expect(pairs(untyped)).toHaveLength(2);
    expect(skipped).toEqual(['test input, line 2: expected 2 types, one for each of #fields, found 1']);
  });

  it.each([
    ['without fields', '#fields', 'field names'],
    ['with too many fields', `#fields${'\ta'.repeat(5000)}`, 'at most 4096 fields'],
    ['with a name that is too long', `#fields\t${'a'.repeat(2000)}`, 'at most 1024 characters'],
    ['without a separator', '#separator ', 'a separator'],
    ['without a set separator', '#set_separator\t', 'a set separator'],
  ])('leaves out the rows of a header %s, and no others', async (_, header, expected) => {
    const skipped: string[] = [];
    const options = { onBadLine: 'skip', onSkip: (error: Error) => skipped.push(error.message) } as const;
    const good = zeekLog('a', 'string', 'x');
    const records = await collect(`${good}${header}\nlost\n${good}`, options);
    expect(records.map((record) => record.fields.get('a'))).toEqual(['x', 'x']);
    expect(skipped).toHaveLength(2);
    expect(skipped[0]).toContain(expected);
    expect(skipped[1]).toContain('line 11');
  });

  it('leaves out a last row that no line feed ends, which Zeek never writes', async () => {
    const skipped: string[] = [];
    const options = { onBadLine: 'skip', onSkip: (error: Error) => skipped.push(error.message) } as const;
    const half = '#fields\ta\tb\n1\t2000\n2\t30';
    expect((await collect(half, options)).map((record) => record.fields.get('b'))).toEqual(['2000']);
    expect(skipped).toEqual([
      'test input, line 3: expected a line feed after the last row, found the end of the file: the row may be cut',
    ]);
  });

  it('goes on where a JSON log follows a tab-separated one, and the other way round', async () => {
    const log = zeekLog('a', 'string', 'x');
    const records = await collect(`${log}{"a":"y"}\n${log}{"a":"z"}\n`);
    expect(records.map((record) => record.fields.get('a'))).toEqual(['x', 'y', 'x', 'z']);
    const first = await collect(`{"a":"y"}\n${log}`);
    expect(first.map((record) => record.fields.get('a'))).toEqual(['y', 'x']);
  });

  it('knows the plain header line of the tsv mode, and says what it takes for granted', async () => {
    const notices: string[] = [];
    const log = 'ts\thost\tids\n1.0\t-\ta\\x2cb,c\n2.0\t(empty)\t(empty)\n';
    const lists = new Set(['ids']);
    const records = await collect(log, { onNotice: (text) => notices.push(text), lists });
    expect(records.map((record) => [record.line, ...record.fields.values()])).toEqual([
      [2, '1.0', undefined, ['a,b', 'c']],
      [3, '2.0', '', []],
    ]);
    expect(notices).toEqual([expect.stringContaining('--format csv takes both as text')]);
    const [asked] = await collect(log, { format: 'zeek' });
    expect(asked?.fields.get('host')).toBeUndefined();
    const [csv] = await collect(log, { format: 'csv' });
    expect(csv?.fields.get('host')).toBe('-');
  });

  it('reads marks of each header, escaped as Zeek writes them', async () => {
    const log = [
      '#separator \\x2c',
      '#set_separator,\\x7c',
      '#empty_field,EMPTY',
      '#unset_field,\\x20',
      '#fields,a,b,c',
      '#types,set[string],string,string',
      'x\\x7cy|EMPTY,EMPTY, ',
      '',
    ].join('\n');
    const [record] = await collect(log);
    expect(pairs(record).map(([, value]) => value)).toEqual([['x|y', ''], '', undefined]);
  });

  it('refuses rows before the first header', async () => {
    const error = await failureOf(() => collect('#path\tdns\nx\ty\n'));
    expect(error.message).toContain('expected a #fields line before the first row');
  });
});
