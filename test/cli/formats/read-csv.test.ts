import { describe, expect, it } from 'vitest';
import { collect, failureOf, inPieces, pairs } from './collect.ts';

describe('reading CSV', () => {
  it('takes names from the header row and keeps text exact', async () => {
    const records = await collect('host,n\n10.0.0.1,18446744073709551615\n::1,007\n');
    expect(records.map((record) => record.line)).toEqual([2, 3]);
    expect(pairs(records[0])).toEqual([
      ['host', '10.0.0.1'],
      ['n', '18446744073709551615'],
    ]);
    expect(pairs(records[1])).toEqual([
      ['host', '::1'],
      ['n', '007'],
    ]);
  });

  it('reads quoted fields with delimiters, quotes and line feeds, counting lines', async () => {
    const text = 'a,b\n"x,""y""","1\n2\n3"\nlast,row';
    const records = await collect(text);
    expect(records.map((record) => [record.line, ...record.fields.values()])).toEqual([
      [2, 'x,"y"', '1\n2\n3'],
      [5, 'last', 'row'],
    ]);
    for (const size of [1, 4, 9]) expect(await collect(inPieces(Buffer.from(text), size))).toEqual(records);
  });

  it.each([
    ['semicolons', 'a;b\n1;2\n'],
    ['tabs', 'a\tb\n1\t2\n'],
    ['bars', 'a|b\n1|2\n'],
    ['carriage returns', 'a,b\r\n1,2\r\n'],
    ['carriage returns and quotes', '"a","b"\r\n"1","2"\r\n'],
    ['carriage returns without a last line feed', '"a","b"\r\n"1","2"'],
    ['a byte order mark', '\uFEFFa,b\n1,2\n'],
    ['blank lines', '\n\na,b\n\n1,2\n\n'],
  ])('reads a file with %s', async (_, text) => {
    expect((await collect(text)).map(pairs)).toEqual([
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ]);
  });

  it('reads raw bytes that are not UTF-8 as what stands for them', async () => {
    const text = Buffer.from('a,b\n"x@",\\xff\n');
    text[text.indexOf('@')] = 0xff;
    expect(pairs((await collect(text))[0])).toEqual([
      ['a', 'x\u{f00ff}'],
      ['b', '\\xff'],
    ]);
  });

  it('tells a quoted empty field from a blank line when there is one column', async () => {
    const records = await collect('a\n""\n\nx\n');
    expect(records.map((record) => [record.line, record.fields.get('a')])).toEqual([
      [2, ''],
      [4, 'x'],
    ]);
  });

  it('stops at a row with another number of columns', async () => {
    const error = await failureOf(() => collect('a,b\n1,2\n1,2,3\n'));
    expect(error.message).toBe('test input, line 3: expected 2 columns, found 3 columns');
  });

  it('counts what it skips and goes on after it', async () => {
    const skipped: string[] = [];
    const text = 'a,b\n1\n"x"y,2"\n3,4\n';
    const records = await collect(text, {
      onBadLine: 'skip',
      onSkip: (error) => skipped.push(error.message),
    });
    expect(skipped).toEqual([
      expect.stringContaining('line 2: expected 2 columns'),
      expect.stringContaining('line 3: expected quotes inside a quoted field to be doubled'),
    ]);
    expect(records.map((record) => record.line)).toEqual([4]);
  });

  it('refuses a quote that is never closed and names the line it opens on', async () => {
    const atEnd = await failureOf(() => collect('a,b\n1,2\n3,"4\n5,6\n', { onBadLine: 'skip' }));
    expect(atEnd.message).toBe('test input, line 3: expected a closing quote, found the end of the file');
    const endless = `a,b\n1,"${'x\n'.repeat(5000)}`;
    const error = await failureOf(() => collect(inPieces(Buffer.from(endless), 100), { maxLineBytes: 1000 }));
    expect(error.message).toBe('test input, line 2: expected a closing quote, found more than 1000 bytes');
  });

  it('harms no row for columns without a name or with one that comes twice', async () => {
    const [record] = await collect(',a,a,b\n0,1,2,3\n');
    expect(pairs(record)).toEqual([['b', '3']]);
    expect(record?.faults?.get('a')).toBe('more than one column has this name');
  });

  it('tells of a row that is the header again: the file may be made of several', async () => {
    const notices: string[] = [];
    const records = await collect('a,b\n1,2\na,b\n3,4\na,b\n', { onNotice: (text) => notices.push(text) });
    expect(records).toHaveLength(4);
    expect(notices).toEqual([expect.stringContaining('line 3: the same as the header')]);
  });

  it('skips a line beyond the limit and keeps the numbers of the others', async () => {
    const text = `a,b\n1,2\n${'x'.repeat(200)},2\n3,4\n`;
    const records = await collect(text, { onBadLine: 'skip', maxLineBytes: 100 });
    expect(records.map((record) => [record.line, record.fields.get('a')])).toEqual([
      [2, '1'],
      [4, '3'],
    ]);
  });
});
