import { ACTING } from './acting-schemas.ts';
import {
  type JsonSchema,
  text,
  number,
  yesOrNo,
  whole,
  position,
  time,
  anything,
  list,
  local,
  oneOf,
  object,
  page,
} from './shapes.ts';

/** A reference to one of {@link SCHEMAS}. */
export const ref = (name: keyof typeof SCHEMAS): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

const author = { origin: text, sequence: { ...whole, minimum: 1 } };
const written = { ...author, time };
const conflict = { key: local('Key'), kept: local('Side'), lost: local('Side'), position, time };

/** The forms of everything that is answered and taken. */
export const SCHEMAS = {
  Key: {
    description:
      'The JSON form of a key: of one column its form, of a key declared as a list an array of the forms. Forms are those of Value.',
  },
  Value: {
    description:
      'bool: true or false. count, int: a number up to 2^53-1 either way, beyond it the digits as text. double: a number, or "nan", "inf", "-inf". time: nanoseconds since 1970, interval: nanoseconds, both as digits in text. string: text, in which a byte that is not UTF-8 is the code point U+F0000 + byte. addr, subnet, port, enum, pattern: text. record, set, vector, table, any: JSON as it is.',
  },
  Problem: object(
    {
      type: text,
      title: text,
      status: { type: 'integer' },
      detail: { type: 'string', description: 'What was wrong, where and with which value.' },
      code: { type: 'string', description: 'Stable; programs may compare it.' },
      hint: { type: 'string', description: 'What to do next.' },
      retryable: { type: 'boolean', description: 'Whether the same request can succeed later.' },
      details: { type: 'object' },
    },
    ['details'],
  ),
  Declaration: {
    type: 'object',
    description: 'As given to node.table(), with its defaults filled in; durations in milliseconds.',
    properties: { key: anything, value: text, backend: text, mode: text },
    required: ['key', 'backend', 'mode'],
  },
  Node: object({
    id: text,
    version: text,
    life: {
      type: 'string',
      description: 'The number of this life of the node; another one after each start.',
    },
    phase: oneOf('recovering', 'open', 'closing'),
    time,
    position,
    address: { type: ['string', 'null'] },
    you: object({
      holder: {
        type: ['string', 'null'],
        description: 'Whose credential was shown; null where none is needed.',
      },
      readsAll: yesOrNo,
      writesAll: yesOrNo,
    }),
    ready: object({ ready: yesOrNo, reasons: list(text) }),
    disk: {
      oneOf: [
        { type: 'null' },
        object(
          {
            appended: position,
            committed: position,
            trimmedTo: position,
            waitingBytes: whole,
            failure: { type: ['string', 'null'] },
            databaseBytes: whole,
            walBytes: whole,
            freeBytes: whole,
          },
          ['databaseBytes', 'walBytes', 'freeBytes'],
        ),
      ],
    },
    retention: object({ age: number, bytes: whole, operations: whole }, ['age', 'bytes', 'operations']),
    zeek: list(
      object({
        name: text,
        address: text,
        state: text,
        tables: list(text),
        missed: { type: 'object', additionalProperties: whole },
      }),
    ),
  }),
  Table: object({
    name: text,
    kind: oneOf('map', 'set'),
    declaration: local('Declaration'),
    mode: oneOf('naive', 'lww', 'automerge'),
    rows: whole,
    synced: yesOrNo,
    divergedKeys: whole,
    differing: {
      ...list(object({ peer: text, keys: { ...whole, minimum: 1 } })),
      description: 'The peers that hold the same operations and other rows, and under how many keys.',
    },
    operations: object({ local: whole, remote: whole }),
    mayWrite: { type: 'boolean', description: 'Whether the credential shown may write it.' },
  }),
  Tables: object({ position, tables: list(local('Table')) }),
  Row: object(
    { key: local('Key'), value: local('Value'), ...written, values: list(local('ConcurrentValue')) },
    ['value', 'values'],
    'No value in a set. `values` only where several stand under the key (mode automerge).',
  ),
  ConcurrentValue: object({ value: local('Value'), origin: text, winner: yesOrNo }, ['value']),
  Rows: object(
    {
      position,
      id: {
        type: 'string',
        description:
          'What followChanges takes as `after`, to go on behind these rows. Left out while the disk takes nothing.',
      },
      rows: list(local('Row')),
      ...page,
    },
    ['id', 'next'],
  ),
  PastRow: object({ key: local('Key'), value: local('Value') }, ['value']),
  RowsAt: object({ position, time, rows: list(local('PastRow')), ...page }, ['time', 'next']),
  Difference: object(
    {
      from: position,
      to: position,
      changes: list(
        object(
          {
            kind: oneOf('added', 'changed', 'removed'),
            key: local('Key'),
            before: local('Value'),
            after: local('Value'),
          },
          ['before', 'after'],
        ),
      ),
      ...page,
    },
    ['next'],
  ),
  Write: object({ value: local('Value') }, ['value'], 'Without a value for a set.'),
  Increment: object({ by: local('Value') }, ['by'], 'By 1 unless said otherwise.'),
  Written: object(
    { key: local('Key'), value: local('Value'), ...written, durable: yesOrNo },
    ['value'],
    'The row as it stands, and whether it was waited for until it is durable.',
  ),
  Removed: object({ key: local('Key'), removed: yesOrNo, durable: yesOrNo }),
  Batch: object({
    operations: list(
      object(
        {
          table: text,
          kind: oneOf('set', 'delete', 'increment', 'clear'),
          key: local('Key'),
          value: local('Value'),
          by: local('Value'),
          ifMatch: { type: 'string', description: 'An entity tag: only if the row still stands as it says.' },
          ifNoneMatch: { type: 'string', const: '*' },
        },
        ['key', 'value', 'by', 'ifMatch', 'ifNoneMatch'],
      ),
    ),
  }),
  Query: object(
    {
      sql: { type: 'string', description: 'One SELECT in the SQL of SQLite, of at most 65,536 characters.' },
      parameters: list({
        description: 'Stands for a ? in the query. An integer beyond 2^53-1 is {"integer": "DIGITS"}.',
        anyOf: [
          { type: ['string', 'number', 'null'] },
          object({ integer: { type: 'string', pattern: '^-?\\d{1,19}$' } }),
        ],
      }),
      maxMs: { ...whole, minimum: 1, maximum: 10_000, default: 10_000 },
      maxRows: { ...whole, minimum: 1, maximum: 10_000, default: 10_000 },
    },
    ['parameters', 'maxMs', 'maxRows'],
  ),
  QueryAnswer: object({
    columns: list(text),
    rows: list(
      list({
        description:
          'A number, text or null; an integer beyond 2^53-1 as its digits, bytes in hexadecimal, infinity as "inf" and "-inf".',
      }),
    ),
    position: { ...position, description: 'The position of the log that all of it is of.' },
  }),
  BatchResult: object({ operations: whole, durable: yesOrNo }),
  Operation: object(
    {
      position,
      table: text,
      ...written,
      kind: oneOf('set', 'delete', 'clear', 'expire', 'switch', 'increment', 'touch'),
      key: local('Key'),
      value: local('Value'),
    },
    ['key', 'value'],
    'One event of /v1/log. Its name is the kind, its id the position and the life of the node. No key for clear and switch.',
  ),
  Change: object(
    {
      position,
      ...written,
      kind: oneOf('set', 'delete', 'clear', 'expire', 'switch', 'increment', 'touch'),
      key: local('Key'),
      value: local('Value'),
      row: {
        oneOf: [{ type: 'null' }, object({ value: local('Value'), ...author }, ['value'])],
        description:
          'The row as it stood when this was told, where that is not what the operation made; null for none.',
      },
      rows: { ...whole, description: 'Of clear and switch: how many rows there were when this was told.' },
    },
    ['key', 'value', 'row', 'rows'],
    'One event of a table: an operation, and what stands. Its name is the kind, its id the position and the life of the node.',
  ),
  HistoryEntry: object(
    {
      position,
      ...written,
      kind: oneOf('set', 'delete', 'clear', 'expire', 'switch', 'increment', 'touch'),
      value: local('Value'),
      effect: oneOf('new', 'changed', 'removed', 'expired', 'cleared', 'none'),
      before: local('Value'),
      after: local('Value'),
      conflict: local('Conflict'),
    },
    ['value', 'effect', 'before', 'after', 'conflict'],
    'No effect where the log no longer reaches back to the beginning.',
  ),
  History: object(
    { position, operations: list(local('HistoryEntry')), complete: yesOrNo, ...page },
    ['next'],
    'Not complete where the log no longer reaches back to the beginning.',
  ),
  Side: object({ value: local('Value'), ...author }, ['value']),
  Conflict: object(conflict),
  TableConflict: object({ table: text, ...conflict }),
  Diverged: object({
    key: local('Key'),
    peer: text,
    here: { oneOf: [{ type: 'null' }, local('Side')] },
    there: { oneOf: [{ type: 'null' }, local('Side')] },
  }),
  Divergence: object({ keys: list(local('Diverged')), ...page }, ['next']),
  ...ACTING,
  Peer: object(
    {
      nodeId: { type: ['string', 'null'] },
      address: text,
      direction: oneOf('dialled', 'accepted'),
      state: oneOf('connected', 'connecting', 'waiting', 'refused'),
      since: time,
      reason: { type: ['string', 'null'] },
      sentOperations: whole,
      receivedOperations: whole,
      lagOperations: whole,
      durableOperations: { type: ['integer', 'null'] },
      roundTripMs: { type: ['number', 'null'] },
      clockOffsetMs: {
        type: ['number', 'null'],
        description: 'How far its clock is ahead; null where it is not known.',
      },
      rights: {
        oneOf: [
          { type: 'null' },
          object({ holder: { type: ['string', 'null'] }, writes: list(text), relays: yesOrNo }),
        ],
      },
      tables: list(object({ name: text, mode: text, shared: yesOrNo })),
      heldBack: list(
        object({
          by: oneOf('here', 'there'),
          table: text,
          origin: { type: ['string', 'null'] },
          sequence: whole,
          code: text,
          reason: text,
          hint: { type: ['string', 'null'] },
          since: time,
          times: whole,
        }),
      ),
    },
    [],
    'What concerns tables that the credential may not read is left out.',
  ),
  Cluster: object({
    node: text,
    position,
    peers: list(local('Peer')),
    operationsPerSecond: { type: 'number', description: 'What went into the log lately, by the second.' },
  }),
  Event: object(
    {
      code: text,
      severity: oneOf('info', 'warning', 'error'),
      message: text,
      time,
      table: text,
      peer: text,
      hint: text,
      details: { type: 'object' },
    },
    ['table', 'peer', 'hint', 'details'],
  ),
  Metrics: object({
    time,
    metrics: list(
      object({
        name: text,
        type: oneOf('gauge', 'counter'),
        help: text,
        samples: list(
          object({ labels: { type: 'object' }, value: { type: ['number', 'string'] } }, ['labels']),
        ),
      }),
    ),
  }),
  Rates: object({
    by: oneOf('position', 'time'),
    from: number,
    to: number,
    width: { type: 'number', description: 'Of one bucket: positions, or milliseconds.' },
    first: { ...position, description: 'The oldest position that is kept.' },
    last: position,
    firstTime: { type: ['number', 'null'] },
    lastTime: { type: ['number', 'null'] },
    series: list(
      object({
        table: text,
        origin: text,
        counts: { ...list(whole), description: 'Operations in each bucket.' },
      }),
    ),
  }),
} as const satisfies Record<string, JsonSchema>;
