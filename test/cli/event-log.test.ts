import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { NODE_EVENT_CODES } from 'tablecast';
import { expect, test } from 'vitest';
import { COMMAND_CODES, logLine, logTo } from '../../src/cli/event-log.ts';
import { Notices } from '../../src/zeek/attachment/notices.ts';
import { systemEnvironment } from '../../src/system-environment.ts';

/** What acts on terminals and on readers of logs. */
const STEERING = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

test('docs/operations.md lists every code that a command logs beside those of its node', () => {
  const docs = readFileSync(fileURLToPath(new URL('../../docs/operations.md', import.meta.url)), 'utf8');
  const [, section = ''] = /## Logs\n([\s\S]*?)\n## /.exec(docs) ?? [];
  const rows = Array.from(section.matchAll(/^\| `([a-z-]+)` \|/gm), ([, code]) => code);
  expect(rows).toEqual([...COMMAND_CODES]);
  expect(NODE_EVENT_CODES.filter((code) => (COMMAND_CODES as readonly string[]).includes(code))).toEqual([]);
});

test('whatever an event says is one line; as JSON it says the same when it is read', () => {
  const text = fc.string({ unit: 'binary' });
  const event = fc.record({ message: text, peer: text, details: fc.dictionary(text, text, { maxKeys: 3 }) });
  fc.assert(
    fc.property(event, ({ message, peer, details }) => {
      const told = { code: 'peer-lost', severity: 'warning', message, peer, details } as const;
      for (const format of ['text', 'json'] as const) expect(logLine(told, format)).not.toMatch(STEERING);
      const read = JSON.parse(logLine(told, 'json', new Date(0))) as Record<string, unknown>;
      expect(Object.keys(read)).toEqual(['time', 'severity', 'code', 'message', 'peer', 'details']);
      expect(read).toMatchObject({ time: '1970-01-01T00:00:00.000Z', code: 'peer-lost', message, peer });
      expect(read['details']).toEqual(JSON.parse(JSON.stringify(details)));
    }),
    {
      numRuns: 30,
      interruptAfterTimeLimit: 4000,
      examples: [[{ message: '\u009b31m\u2028', peer: '\u202ea\nb', details: { '\u200f': '\u2066' } }]],
    },
  );
});

test('a line stays short, however much a peer declares', () => {
  const details = { there: { declaration: 'x'.repeat(1e6) } };
  const line = logLine(
    { code: 'table-refused', severity: 'error', message: 'y'.repeat(1e6), details },
    'json',
  );
  expect(line.length).toBeLessThan(16_384);
  expect(JSON.parse(line)).toMatchObject({
    code: 'table-refused',
    details: { leftOut: expect.any(Number) as number },
  });
});

test('no line is longer than 16,384 characters, whatever has to be escaped in it', () => {
  const message = '\u202e'.repeat(20_000);
  for (const format of ['text', 'json'] as const) {
    for (const details of [undefined, { reason: '\u2028'.repeat(4000) }]) {
      const line = logLine({ code: 'peer-lost', severity: 'warning', message, details }, format);
      expect(line.length).toBeLessThanOrEqual(16_384);
      expect(line).toContain('\\u202e');
      expect(line).not.toMatch(STEERING);
    }
  }
});

test('no more than a mebibyte of lines waits for who does not read, and how many were left out is said', () => {
  const taken: string[] = [];
  const output = {
    writableLength: 0,
    write: (text: string) => (output.writableLength += taken.push(text) && text.length),
  };
  const log = logTo(output, 'json');
  const event = { code: 'peer-lost', severity: 'warning', message: 'x'.repeat(1000) } as const;
  for (let count = 0; count < 5000; count++) log(event);
  expect(output.writableLength).toBeLessThan(1024 * 1024 + 2000);
  const waiting = taken.length;
  output.writableLength = 0;
  log({ ...event, message: 'after' });
  const [note, last] = taken
    .slice(waiting)
    .map((line) => JSON.parse(line) as { code: string; message: string });
  expect(note).toMatchObject({
    code: 'output-slow',
    message: expect.stringMatching(`^${5000 - waiting} lines`) as string,
  });
  expect(last?.message).toBe('after');
  expect(taken).toHaveLength(waiting + 2);
});

test('rows that an event shows as examples are in no line', () => {
  const lines: string[] = [];
  const notices = new Notices(systemEnvironment, {
    intervalMs: 1000,
    tell: (event) => lines.push(logLine(event, 'text'), logLine(event, 'json')),
  });
  notices.note({
    code: 'zeek-problem',
    table: 'hosts',
    what: 'a value cannot be sent',
    example: 'secret-row',
  });
  notices.flush();
  expect(lines).toHaveLength(2);
  for (const line of lines) {
    expect(line).not.toContain('secret-row');
    expect(line).toContain('a value cannot be sent, 1 times.');
  }
});
