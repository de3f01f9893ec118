import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openNode } from 'tablecast';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type ExportRow,
  type LogFormat,
  type WriteOptions,
  recordMapper,
  writeRecords,
} from '../../src/cli/formats/index.ts';
import { harmless, visible } from '../../src/cli/output.ts';
import { collect } from './formats/collect.ts';
import { run, temporary } from './support/command.ts';

/** C0, DEL, C1, separators of lines, and marks that reorder text. */
const MARKS = [
  ...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)),
  ...Array.from({ length: 0x21 }, (_, code) => String.fromCharCode(0x7f + code)),
  ...Array.from('\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069'),
];
// eslint-disable-next-line no-control-regex
const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const declaration = { key: 'string', value: 'string' } as const;

async function written(rows: readonly ExportRow[], options: Partial<WriteOptions>): Promise<string> {
  let text = '';
  for await (const chunk of writeRecords(rows, { declaration, format: 'csv', ...options })) text += chunk;
  return text;
}

async function readBack(text: string, format: LogFormat): Promise<ExportRow[]> {
  const map = recordMapper({ key: ['key'], value: 'value' }, declaration);
  return (await collect(text, { format })).map((record) => {
    const row = map(record);
    return [row?.key, row?.value];
  });
}

describe('what a terminal would act on', () => {
  const rows = MARKS.map((mark, index): ExportRow => [`k${index}`, `a${mark}b`]);

  test.each(['json', 'zeek'] as const)('is escaped in %s, and read back as it was', async (format) => {
    const text = await written(rows, { format });
    expect(text.replaceAll('\t', '')).not.toMatch(RAW);
    expect(await readBack(text, format)).toEqual(rows);
  });

  test('is escaped in complex values in every format', async () => {
    const complex = { key: 'string', value: 'record' } as const;
    const value = Object.fromEntries(MARKS.map((mark, index) => [`n${mark}`, `${index}${mark}`]));
    for (const format of ['json', 'zeek', 'csv'] as const) {
      const text = await written([['k', value]], { format, declaration: complex });
      expect([format, RAW.test(text.replaceAll('\t', ''))]).toEqual([format, false]);
      const map = recordMapper({ key: ['key'], value: 'value' }, complex);
      const [record] = await collect(text, { format });
      expect(record && map(record)?.value).toEqual(value);
    }
  });

  test('stays in CSV as it is, but for a spreadsheet', async () => {
    expect(await readBack(await written(rows, {}), 'csv')).toEqual(rows);
    expect(await written(rows, { spreadsheet: true })).not.toMatch(RAW);
  });

  test('is shown as an escape in one line, and in lines all but colours, tabs and their ends', () => {
    for (const mark of MARKS) {
      expect(visible(mark)).not.toMatch(/[\n]/);
      expect(visible(mark)).not.toMatch(RAW);
    }
    expect(harmless('\u001b[32mnew\u001b[39m\ta\u0085b\u202e\u001b]0;title\u0007\r\n')).toBe(
      '\u001b[32mnew\u001b[39m\ta\\u0085b\\u202e\\u001b]0;title\\u0007\\u000d\n',
    );
    expect(JSON.parse(harmless(JSON.stringify(MARKS)))).toEqual(MARKS);
  });

  test('comes out of no command as it is', async () => {
    const directory = temporary();
    const node = await openNode({ id: 'manager', listen: { port: 0 }, directory });
    onTestFinished(() => node.close());
    const hostile = `x${MARKS.filter((mark) => mark !== '\n').join('')}`;
    node.table('rows', { ...declaration, backend: 'sqlite' }).set(hostile, hostile);
    await node.flush();
    const peer = ['--peer', node.address ?? ''];
    const file = ['--directory', directory, '--id', 'manager'];
    const commands = [
      ['get', 'rows', hostile.replaceAll('\0', ''), '--json', ...peer],
      ['keys', 'rows', '--values', ...peer],
      ['tail', 'rows', '--rows', '--count', '0', '--json', ...peer],
      ['log', ...file],
      ['replay', '--json', ...file],
    ];
    const finished = await Promise.all(commands.map((command) => run(command)));
    for (const [index, { stdout, stderr }] of finished.entries()) {
      expect([commands[index]?.[0], RAW.exec(`${stdout}${stderr}`.replaceAll('\t', ''))]).toEqual([
        commands[index]?.[0],
        null,
      ]);
    }
  });
});

describe('CSV for a spreadsheet', () => {
  const formulas = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', "'=1"];

  test('has no cell that begins like a formula, and numbers stay numbers', async () => {
    const text = await written(
      formulas.map((formula, index): ExportRow => [formula, -index]),
      {
        declaration: { key: 'string', value: 'int' },
        mapping: { key: ['=key'], value: 'n' },
        spreadsheet: true,
      },
    );
    expect(text).toBe(
      [
        `'=key,n`,
        `'=1+1,0`,
        `'+1,-1`,
        `'-1,-2`,
        `'@SUM(A1),-3`,
        '\\u0009=1,-4',
        '\\u000d=1,-5',
        '\\u000a=1,-6',
        `'=1,-7`,
        '',
      ].join('\n'),
    );
  });

  test('is asked for by a flag, and only for CSV', async () => {
    const directory = temporary();
    const file = join(directory, 'rows.csv');
    writeFileSync(file, 'key,value\n=1+1,@x\n');
    const place = ['--directory', directory, '--id', 'manager'];
    await run(['import', 'rows', file, ...place, '--declare', 'key=string value=string']);
    const plain = await run(['export', 'rows', ...place]);
    expect(plain.stdout).toBe('key,value\n=1+1,@x\n');
    const safe = await run(['export', 'rows', ...place, '--spreadsheet']);
    expect(safe.stdout).toBe("key,value\n'=1+1,'@x\n");
    expect((await run(['export', 'rows', ...place, '--spreadsheet', '--format', 'zeek'])).code).toBe(2);
  });
});
