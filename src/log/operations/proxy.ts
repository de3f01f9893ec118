/**
 * Ids under which a node writes for somebody who has no log of his own, such as a node of a Zeek
 * cluster: `scope.author.node`. Only that node numbers operations under them. They parse one way only: scope
 * and author contain no dot, and a hash begins with `-`, with which no node id begins: decision 0047.
 */
import { sha256 } from '../bytes/sha256.ts';

const MAX_ID = 64;
const MAX_OWN = 32;
/** Letters of a hash, six bits each: 132 bits. */
const HASH_LENGTH = 22;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const PROXY = /^zeek(?:-[A-Za-z0-9_-]{1,16})?\.[A-Za-z0-9_-]+\.(.+)$/;
/** Matches what stands for an author as it is. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

function hashed(text: string, length: number): string {
  const bytes = sha256(new TextEncoder().encode(text)).subarray(0, Math.min(HASH_LENGTH, length - 1));
  return `-${Array.from(bytes, (byte) => LETTERS[byte & 63]).join('')}`;
}

/** Returns how an id of a proxy ends that is one of `nodeId`. */
function ownPart(nodeId: string): string {
  return nodeId.length <= MAX_OWN ? nodeId : hashed(nodeId, MAX_OWN);
}

/**
 * Returns the author in at most `room` letters: as it is called, or a hash and, for people, what fits of the
 * name.
 */
function authorPart(author: string, room: number): string {
  if (author.length <= room && PLAIN.test(author)) return author;
  const hash = hashed(author, room);
  const name = author.replace(/[^A-Za-z0-9_-]/g, '-');
  return hash.length + 1 < room ? `${hash}-${name.slice(0, room - hash.length - 1)}` : hash;
}

/**
 * Returns the id under which `nodeId` writes for an author; always a valid node id when `scope` is one of at
 * most 21 characters.
 */
export function proxyId(scope: string, author: string, nodeId: string): string {
  const own = ownPart(nodeId);
  const room = MAX_ID - scope.length - own.length - 2;
  return `${scope}.${authorPart(author, room)}.${own}`;
}

/** Returns whether `id` is one under which `nodeId` writes for others, and nobody else. */
export function isProxyOf(nodeId: string, id: string): boolean {
  return PROXY.exec(id)?.[1] === ownPart(nodeId);
}

/**
 * Returns the same, and true for an id that 0.2 and earlier made of a node id of more than 32 characters,
 * which ends in 32 bits of hash. For what a node finds out about itself in its own log, and never for rights:
 * ids can collide there.
 */
export function wasProxyOf(nodeId: string, id: string): boolean {
  if (isProxyOf(nodeId, id)) return true;
  return nodeId.length > MAX_OWN && PROXY.exec(id)?.[1] === formerPart(nodeId);
}

function formerPart(nodeId: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < nodeId.length; at++) hash = Math.imul(hash ^ nodeId.charCodeAt(at), 0x01000193);
  const digits = (hash >>> 0).toString(16).padStart(8, '0');
  return `${nodeId.slice(0, MAX_OWN - 9)}-${digits}`;
}
