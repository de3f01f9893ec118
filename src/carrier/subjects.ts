import { isNodeId } from '../log/operations/origin.ts';
import type { Headers, Subject } from './carrier.ts';

/** The first token of a subject says what its messages are about. */
export const OPERATIONS = 'operations';
export const TABLE = 'table';
export const CHECKPOINT = 'checkpoint';
export const LEASE = 'lease';
export const BUNDLE = 'bundle';

/** The number of a life, as origins have it. */
const LIFE = /^[0-9a-z]{1,11}$/;

/** Says under which subject an author's operations on a table stand. */
export function subjectOf(table: string, origin: string): Subject {
  const at = origin.lastIndexOf('@');
  return [OPERATIONS, table, origin.slice(0, at), origin.slice(at + 1)];
}

/** Names whose operations on which table stand under a subject. */
export interface Author {
  readonly table: string;
  readonly origin: string;
}

/** Says whose operations stand under a subject; undefined for another one. */
export function authorOf(subject: Subject): Author | undefined {
  const [kind, table, author, life] = subject;
  if (kind !== OPERATIONS || subject.length !== 4 || table === undefined || table.length > 128)
    return undefined;
  if (!isNodeId(author) || life === undefined || !LIFE.test(life)) return undefined;
  return { table, origin: `${author}@${life}` };
}

/** Names a bundle of a node, among all that it publishes over its links. */
export function bundleName(nodeId: string, nonce: string, count: number): string {
  return `${nodeId}.${nonce}.${count}`;
}

/** Says which node publishes a bundle. */
export function publisherOf(bundle: string): string {
  return bundle.split('.').slice(0, -2).join('.');
}

/** A head says what the headers of a message with operations do. */
export interface OperationsHead {
  /** The last operation that is there, of an author in a table, once this message is. */
  readonly held: number;
  /** The session of the author that wrote it. */
  readonly session: number;
  /** The node that appended it. */
  readonly by: string;
  /** Says which part this is of how many, of what is longer than a message may be. */
  readonly part: readonly [index: number, count: number];
  /** Names the bundle that it belongs to; undefined where it is one by itself. */
  readonly bundle: string | undefined;
}

export function headersOf({ held, session, by, part, bundle }: OperationsHead): Headers {
  return {
    'Tablecast-Held': String(held),
    'Tablecast-Session': String(session),
    'Tablecast-By': by,
    ...(part[1] > 1 && { 'Tablecast-Part': part.join('/') }),
    ...(bundle !== undefined && { 'Tablecast-Bundle': bundle }),
  };
}

/** Reads {@link headersOf}; undefined for headers that no node writes. */
export function readHead(headers: Headers): OperationsHead | undefined {
  const [held, session] = [headers['Tablecast-Held'], headers['Tablecast-Session']].map(countOf);
  const by = headers['Tablecast-By'];
  const [index, count] = (headers['Tablecast-Part'] ?? '0/1').split('/').map(countOf);
  if (held === undefined || session === undefined || by === undefined) return undefined;
  if (index === undefined || count === undefined || index >= count) return undefined;
  return { held, session, by, part: [index, count], bundle: headers['Tablecast-Bundle'] };
}

function countOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined;
  const count = Number(text);
  return Number.isSafeInteger(count) ? count : undefined;
}
