import { describe, expect, test } from 'vitest';
import { readJson } from '../../../src/zeek/protocol/json/reader.ts';
import { writeJson } from '../../../src/zeek/protocol/json/writer.ts';
import { zeekLimits } from '../../../src/zeek/protocol/limits.ts';
import {
  readMessage,
  writeAck,
  writeError,
  writeEvent,
  writeSubscriptions,
} from '../../../src/zeek/protocol/messages.ts';
import { readChangeHeader, readChanges, writeChanges } from '../../../src/zeek/protocol/table-changes.ts';
import { isTablecastError } from '../../../src/errors.ts';
import {
  conversations,
  fixtureFolder,
  hasRecordings,
  recordedFolder,
  type RecordedFrame,
} from './recorded.ts';
import { demoTables } from './demo-tables.ts';

const limits = zeekLimits();
const all = [...conversations(fixtureFolder), ...conversations(recordedFolder)];

/** Frames that were sent to see what Zeek makes of mistakes or of unusual spellings of a right value. */
const unusual = [
  '"real","data":1e3}',
  '"real","data":8}',
  '"port","data":"80"}',
  '"port","data":"99/?"}',
  '"timespan","data":"2min"}',
  '"timespan","data":"1.5s"}',
  '"timespan","data":"5"}',
  '"count","data":-1}',
  'T07:08:09"}',
  'T07:08:09Z"}',
  '+02:00"}',
];

function isUnusual(frame: RecordedFrame): boolean {
  return frame.dir === 'out' && unusual.some((mark) => frame.text.includes(mark));
}

function rebuilt(frame: RecordedFrame): string {
  const message = readMessage(frame.text, limits);
  switch (message.type) {
    case 'ack':
      return writeAck(message.endpoint, message.version);
    case 'error':
      return writeError(message.code, message.context);
    case 'event':
      return writeEvent(message.event, frame.dir === 'in' ? 'zeek' : 'strict');
  }
}

if (!hasRecordings)
  console.warn(
    'Recorded Zeek conversations are not here; only the fixtures of this repository are replayed.',
  );

describe.each(all)('$name', ({ frames }) => {
  test('every frame is read and written back byte for byte', () => {
    for (const frame of frames.filter(({ text }) => text !== 'hello')) {
      const dialect = frame.dir === 'in' ? 'zeek' : 'strict';
      expect(writeJson(readJson(frame.text, limits), dialect)).toBe(frame.text);
    }
  });

  test('every message is understood and built again identically', () => {
    for (const frame of frames.filter(({ text }) => text.startsWith('{"type"') && text.includes('"topic"'))) {
      if (isUnusual(frame)) continue;
      expect(rebuilt(frame)).toBe(frame.text);
    }
  });

  test('the handshake is built identically', () => {
    for (const frame of frames.filter(({ text }) => text.startsWith('['))) {
      expect(writeSubscriptions(JSON.parse(frame.text) as string[])).toBe(frame.text);
    }
    for (const frame of frames.filter(({ text }) => /"type":"(ack|error)"/.test(text))) {
      expect(rebuilt(frame)).toBe(frame.text);
    }
  });
});

/** Changes Zeek itself published although it holds a null entry, made on purpose. */
function refusals(frame: RecordedFrame): string[] {
  const message = readMessage(frame.text, limits);
  const raw = message.type === 'event' ? readChangeHeader(message.event, limits) : undefined;
  const table = raw === undefined ? undefined : demoTables.get(raw.header.table);
  if (raw === undefined || table === undefined) return [];
  return readChanges(table, raw).refused.map(({ error }) => error.message);
}

test('every change that Zeek published of a sound entry is understood against its declaration', () => {
  const received = all.flatMap(({ frames }) => frames.filter(({ dir }) => dir === 'in'));
  const messages = new Set(received.flatMap(refusals));
  for (const message of messages) expect(message).toMatch(/has nothing where/);
});

/** The same change as our writer would send it to Zeek, or why it would not. */
function resent(frame: RecordedFrame): string | undefined {
  const message = readMessage(frame.text, limits);
  const raw = message.type === 'event' ? readChangeHeader(message.event, limits) : undefined;
  const table = raw === undefined ? undefined : demoTables.get(raw.header.table);
  if (raw === undefined || table === undefined || message.type !== 'event') return undefined;
  const { changes, refused } = readChanges(table, raw);
  if (refused.length > 0) return undefined;
  const header = { time: raw.header.time, nodeId: raw.header.nodeId };
  const [sent] = writeChanges({ ...table, topic: message.event.topic }, changes, {
    header,
    batch: { maxChanges: 100_000, maxBytes: limits.maxFrameBytes },
  }).frames;
  return sent;
}

/** Removed and previous values are not sent again: Zeek does not need them. */
function withoutOldValues(frame: RecordedFrame): boolean {
  return !/REMOVED|EXPIRED|CHANGED/.test(frame.text);
}

describe.skipIf(!hasRecordings)('changes recorded from clients', () => {
  const sent = all.flatMap(({ frames }) =>
    frames.filter(({ dir, text }) => dir === 'out' && text.includes('table_change_infos')),
  );

  test('are sent identically when they are made again from JavaScript values', () => {
    // 123 microseconds are no whole milliseconds; the pattern's second text is none that Zeek makes.
    const own = sent.filter(
      (frame) => withoutOldValues(frame) && !isUnusual(frame) && !frame.text.includes('(^?(x|y)$?)'),
    );
    const compared = own
      .map((frame) => [resent(frame), frame.text] as const)
      .filter(([made]) => made !== undefined);
    expect(compared.length).toBeGreaterThan(60);
    for (const [made, text] of compared) expect(made).toBe(text);
  });

  test('that left a null entry in Zeek are refused here before they are sent', () => {
    const notes = [
      'value of a wrong type',
      'value missing',
      'unknown enum label',
      'record value with too few fields',
      'integer where a count belongs',
    ];
    for (const note of notes) {
      const frames = sent.filter((frame) => frame.note === note);
      expect(frames.length, note).toBeGreaterThan(0);
      for (const frame of frames) expect(refusals(frame), note).toHaveLength(1);
    }
  });
});

test('a frame cut anywhere, or with one character replaced, is read or refused, and nothing else', () => {
  const frames = all.flatMap(({ frames: some }) => some).filter((_, at) => at % 37 === 0);
  for (const { text } of frames) {
    for (let at = 0; at < text.length; at += 11) {
      for (const broken of [
        text.slice(0, at),
        `${text.slice(0, at)}"${text.slice(at + 1)}`,
        `${text.slice(0, at)}9${text.slice(at + 1)}`,
      ]) {
        try {
          const message = readMessage(broken, limits);
          if (message.type === 'event') readChangeHeader(message.event, limits);
        } catch (error) {
          if (!isTablecastError(error)) throw error;
        }
      }
    }
  }
});
