import type { SCHEMAS } from './schemas.ts';
import type { JsonSchema } from './shapes.ts';

type SchemaName = keyof typeof SCHEMAS;

/** A spec is what one route is asked and answers: the routes and the document are both made of these. */
export interface OperationSpec {
  readonly id: string;
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** With parameters in braces. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string | undefined;
  /** Parameters of the query, with what each is. */
  readonly query?: Readonly<Record<string, JsonSchema>> | undefined;
  /** Request headers that count, with what each means. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: SchemaName | undefined;
  /** The form of the answer; of a stream, of each event's data. */
  readonly answer?: SchemaName | undefined;
  /** `stream`: Server-Sent Events; `both`: these where `Accept` asks for them; otherwise JSON. */
  readonly kind?: 'stream' | 'both' | undefined;
  /** Statuses of problems beside those that every route can answer. */
  readonly problems?: readonly number[] | undefined;
}

const whole = (description: string): JsonSchema => ({ type: 'integer', minimum: 0, description });
const text = (description: string): JsonSchema => ({ type: 'string', description });

const limit: JsonSchema = {
  type: 'integer',
  minimum: 1,
  maximum: 1000,
  default: 100,
  description: 'Most entries of a page.',
};
const paging = { after: whole('How many entries to pass over.'), limit };
const key = {
  key: {
    ...text('One column of the key, in its text form; given once per column.'),
    type: 'array',
    items: { type: 'string' },
  },
};

const ifMatch = 'Only if the row still stands on this node as this entity tag says; * for any row.';
const ifNoneMatch = '* for only if there is no row.';
const prefer = 'wait=durable: answer when the write is durable here.';
const conditions = { 'If-Match': ifMatch, 'If-None-Match': ifNoneMatch, Prefer: prefer };
const lastEventId = 'The id of the last event that was seen: goes on behind it.';

const stream = {
  kind: 'stream',
  query: {
    after: {
      type: 'string',
      description:
        'Begins behind this id where there is no Last-Event-ID; 0 for everything that is kept. Left out: from now on.',
    },
  },
  headers: { 'Last-Event-ID': lastEventId },
} as const;

const TABLE = '/v1/tables/{table}';

/** A row by its key in the path, and by its key in the query: for keys that no path can say (`.`, `..`, none). */
function ofRow(spec: Omit<OperationSpec, 'path'> & { readonly under?: string }): readonly OperationSpec[] {
  const { under = '', ...operation } = spec;
  return [
    { ...operation, path: `${TABLE}/rows/{key}${under}` },
    {
      ...operation,
      id: `${operation.id}ByQuery`,
      path: `${TABLE}/row${under}`,
      summary: `${operation.summary}, its key in the query`,
      query: { ...key, ...operation.query },
    },
  ];
}

const ROWS: readonly OperationSpec[] = [
  {
    id: 'listRows',
    method: 'GET',
    path: `${TABLE}/rows`,
    answer: 'Rows',
    problems: [404, 410, 429],
    summary: 'Rows, page by page, as of one position',
    description:
      '`next` names the position of the first page; its rows are kept for a minute after they were last asked for, and are 410 after that.',
    query: {
      ...paging,
      prefix: text('Only keys whose text form begins with this; of several columns the first.'),
      search: text('Only rows whose key or value contains this text, whatever its case.'),
      sort: {
        type: 'string',
        enum: ['key', '-key', 'value', '-value', 'time', '-time', 'origin', '-origin'],
        description: 'Order; left out, that in which the rows appeared.',
      },
      position: whole('As of this position, of an earlier page.'),
    },
  },
  ...ofRow({
    id: 'getRow',
    method: 'GET',
    answer: 'Row',
    problems: [404],
    headers: { 'If-None-Match': 'An entity tag: 304 if the row still stands as it says.' },
    summary: 'One row; its entity tag names the write it comes from',
  }),
  ...ofRow({
    id: 'putRow',
    method: 'PUT',
    body: 'Write',
    answer: 'Written',
    headers: conditions,
    problems: [403, 404, 412, 415, 507],
    summary: 'Writes a row',
  }),
  ...ofRow({
    id: 'deleteRow',
    method: 'DELETE',
    answer: 'Removed',
    headers: conditions,
    problems: [403, 404, 412, 507],
    summary: 'Removes a row',
  }),
  ...ofRow({
    id: 'incrementRow',
    method: 'POST',
    under: '/increment',
    body: 'Increment',
    answer: 'Written',
    headers: conditions,
    problems: [403, 404, 412, 415, 507],
    summary: 'Adds to the number in a row',
  }),
  ...ofRow({
    id: 'touchRow',
    method: 'POST',
    under: '/touch',
    answer: 'Written',
    headers: conditions,
    problems: [400, 403, 404, 412, 507],
    summary: 'Prolongs the life of a row by the writeExpire of its table',
  }),
  ...ofRow({
    id: 'getHistory',
    method: 'GET',
    under: '/history',
    answer: 'History',
    problems: [404, 429],
    query: { position: whole('Up to this position, of an earlier page.'), ...paging },
    summary: 'Every operation of a key, newest last',
  }),
];

const MOMENTS: readonly OperationSpec[] = [
  {
    id: 'rowsAt',
    method: 'GET',
    path: `${TABLE}/at`,
    answer: 'RowsAt',
    problems: [404, 410, 429],
    summary: 'The rows at a moment',
    query: {
      position: whole('Once the operation there was applied; with a time, of what stands up to there.'),
      time: { type: 'number', description: 'With what was written up to then, in milliseconds since 1970.' },
      ...paging,
    },
  },
  {
    id: 'difference',
    method: 'GET',
    path: `${TABLE}/diff`,
    answer: 'Difference',
    problems: [404, 410, 429],
    summary: 'What differs between two moments',
    query: { from: whole('A position.'), to: whole('A position; left out, the present one.'), ...paging },
  },
  {
    id: 'rates',
    method: 'GET',
    path: '/v1/rates',
    answer: 'Rates',
    problems: [404],
    summary: 'Operations by table and origin over a range of the log',
    query: {
      by: { type: 'string', enum: ['position', 'time'], default: 'time' },
      from: { type: 'number' },
      to: { type: 'number' },
      buckets: { type: 'integer', minimum: 1, maximum: 500, default: 100 },
      table: text('Only of this table.'),
    },
  },
];

const STREAMS: readonly OperationSpec[] = [
  {
    id: 'followChanges',
    method: 'GET',
    path: `${TABLE}/changes`,
    answer: 'Change',
    ...stream,
    problems: [404, 410, 429],
    summary: 'What happens to a table',
  },
  {
    id: 'followLog',
    method: 'GET',
    path: '/v1/log',
    answer: 'Operation',
    ...stream,
    problems: [410, 429],
    summary: 'The log: every operation of every table that may be read',
  },
  {
    id: 'followConflicts',
    method: 'GET',
    path: `${TABLE}/conflicts`,
    answer: 'Conflict',
    kind: 'stream',
    problems: [404, 429],
    summary: 'Conflicts from now on; without ids, because no log keeps them',
  },
  {
    id: 'followAllConflicts',
    method: 'GET',
    path: '/v1/conflicts',
    answer: 'TableConflict',
    kind: 'stream',
    problems: [429],
    summary: 'Conflicts from now on, of every table there is that may be read',
  },
  {
    id: 'followEvents',
    method: 'GET',
    path: '/v1/events',
    answer: 'Event',
    kind: 'stream',
    headers: { 'Last-Event-ID': lastEventId },
    problems: [403, 429],
    summary: 'What happens to the node, from the last 256 events on',
  },
];

const OPERATING: readonly OperationSpec[] = [
  {
    id: 'getDocument',
    method: 'GET',
    path: '/v1/openapi.json',
    summary: 'This document: every route, with what it takes and answers',
  },
  {
    id: 'getNode',
    method: 'GET',
    path: '/v1',
    answer: 'Node',
    summary: 'The node, and what the credential shown may do',
  },
  {
    id: 'listTables',
    method: 'GET',
    path: '/v1/tables',
    answer: 'Tables',
    summary: 'The tables that may be read',
  },
  { id: 'getTable', method: 'GET', path: TABLE, answer: 'Table', problems: [404], summary: 'One table' },
  {
    id: 'writeBatch',
    method: 'POST',
    path: '/v1/batch',
    body: 'Batch',
    answer: 'BatchResult',
    headers: { Prefer: prefer },
    problems: [403, 404, 412, 415, 507],
    summary: 'Writes to any tables, all of them or none',
  },
  {
    id: 'query',
    method: 'POST',
    path: '/v1/query',
    body: 'Query',
    answer: 'QueryAnswer',
    problems: [415],
    summary: 'A query in SQL about the tables that may be read, as of one position; nothing is written',
  },
  {
    id: 'getDivergence',
    method: 'GET',
    path: `${TABLE}/divergence`,
    answer: 'Divergence',
    kind: 'both',
    problems: [404, 429],
    query: paging,
    summary:
      'Keys on which this node and a peer differ although both hold the same operations; as a stream, whenever they change',
  },
  {
    id: 'previewRepair',
    method: 'GET',
    path: `${TABLE}/repair`,
    answer: 'RepairPreview',
    problems: [404, 409, 502],
    query: { from: text('Id of the node whose rows shall stand.'), ...paging },
    summary: 'What a repair would write',
  },
  {
    id: 'repair',
    method: 'POST',
    path: `${TABLE}/repair`,
    body: 'Repair',
    answer: 'Repaired',
    problems: [403, 404, 409, 415, 502, 507],
    summary: 'Makes the cluster equal by ordinary operations',
  },
  {
    id: 'previewUndo',
    method: 'GET',
    path: `${TABLE}/undo`,
    answer: 'UndoPreview',
    problems: [403, 404, 410, 429],
    query: {
      origin: text('Id of the node that wrote, or one life of it: nodeId@epoch.'),
      position: whole('What it wrote behind this position of the log of the node that answers.'),
      time: {
        type: 'number',
        description: 'Or from this time of the author on, in milliseconds since 1970.',
      },
      ...paging,
    },
    summary: 'What an undo would write',
  },
  {
    id: 'undo',
    method: 'POST',
    path: `${TABLE}/undo`,
    body: 'Undo',
    answer: 'Undone',
    problems: [403, 404, 410, 415, 429, 507],
    summary: 'Takes back what one author wrote, by ordinary operations; what others wrote over stays',
  },
  {
    id: 'previewMode',
    method: 'GET',
    path: `${TABLE}/mode`,
    answer: 'ModeCost',
    problems: [404],
    query: { to: text('The mode to switch to.') },
    summary: 'What a switch of mode would cost',
  },
  {
    id: 'switchMode',
    method: 'POST',
    path: `${TABLE}/mode`,
    body: 'ModeSwitch',
    answer: 'Table',
    problems: [403, 404, 415, 507],
    summary: 'Switches the conflict mode for the whole cluster',
  },
  {
    id: 'getCluster',
    method: 'GET',
    path: '/v1/cluster',
    answer: 'Cluster',
    kind: 'both',
    problems: [429],
    summary:
      'Peers with lag, rates, state, rights and clocks; as a stream, once a second and when a state changes',
  },
  {
    id: 'getMetrics',
    method: 'GET',
    path: '/v1/metrics',
    answer: 'Metrics',
    summary: 'The metrics of docs/operations.md, as JSON',
  },
];

/** Everything under `/v1`. */
export const OPERATIONS: readonly OperationSpec[] = [...OPERATING, ...ROWS, ...STREAMS, ...MOMENTS];
