/**
 * Ids under which a node writes for somebody who has no log of his own, such as a node of a Zeek
 * cluster: `scope.author.node`. Only that node numbers operations under them.
 */
const MAX_ID = 64;
const MAX_OWN = 32;
const HASH_LENGTH = 8;

/** 32-bit FNV-1a as eight hexadecimal digits: tells shortened names apart, protects nothing. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16).padStart(HASH_LENGTH, '0');
}

function shortened(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${text.slice(0, length - HASH_LENGTH - 1)}-${fingerprint(text)}`;
}

/** The id under which `nodeId` writes for an author; always a valid node id when `scope` is one of at most 21 characters. */
export function proxyId(scope: string, author: string, nodeId: string): string {
  const own = shortened(nodeId, MAX_OWN);
  const room = MAX_ID - scope.length - own.length - 2;
  const plain = author.replace(/[^A-Za-z0-9_-]/g, '-') || 'unnamed';
  return `${scope}.${shortened(plain === author ? plain : `${plain}-${fingerprint(author)}`, room)}.${own}`;
}

/** Whether `id` is one under which `nodeId` writes for others. */
export function isProxyOf(nodeId: string, id: string): boolean {
  return /^zeek(?:-[A-Za-z0-9_-]+)?\./.test(id) && id.endsWith(`.${shortened(nodeId, MAX_OWN)}`);
}
