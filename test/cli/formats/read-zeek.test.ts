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

  it.each([
    ['a header with other numbers of fields and types', '#fields\ta\tb\n#types\tstring\n1\t2\n', 2],
    ['a header with a field twice', '#separator \\x09\n#fields\ta\ta\n1\t2\n', 2],
    ['a header without fields', '#separator \\x09\n#fields\n', 2],
    ['an empty separator', '#separator \n#fields\ta\n', 1],
  ])('refuses %s even when bad lines are skipped', async (_, log, line) => {
    const error = await failureOf(() => collect(log, { onBadLine: 'skip' }));
    expect(error.details).toMatchObject({ line });
  });

  it('refuses rows before the first header', async () => {
    const error = await failureOf(() => collect('#path\tdns\nx\ty\n'));
    expect(error.message).toContain('expected a #fields line before the first row');
  });
});
