import { TablecastError } from '../../errors.ts';

const MAX_ID_LENGTH = 64;
/** Node ids are short and plain, because they are part of every origin's name. */
const NODE_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const ORIGIN = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,63})@([0-9a-z]{1,11})$/;

/** Ids of this form mean Zeek's nodes, for which an attached node writes; docs/zeek.md. */
const RESERVED_ID = /^zeek(-[A-Za-z0-9_-]{1,16})?\./;

/** Longest text of an origin, in bytes. */
export const MAX_ORIGIN_BYTES = 76;

/** Throws `OPTION_INVALID` unless `id` can name a node. */
export function checkNodeId(id: unknown): asserts id is string {
  if (typeof id === 'string' && NODE_ID.test(id)) return;
  const isLong = typeof id === 'string' && id.length > MAX_ID_LENGTH;
  const why = isLong ? `: it has more than ${MAX_ID_LENGTH} characters` : '';
  throw new TablecastError('OPTION_INVALID', `Node id ${JSON.stringify(id)} is not usable${why}.`, {
    hint: 'Use 1 to 64 letters, digits, "_", "." or "-", beginning with a letter or digit, and another one on each node.',
    details: { option: 'id' },
  });
}

/** Returns whether a text can name a node. */
export function isNodeId(id: unknown): id is string {
  return typeof id === 'string' && NODE_ID.test(id);
}

/** Returns whether an id means a node of Zeek, so that no node may call itself so. */
export function isReservedId(id: string): boolean {
  return RESERVED_ID.test(id);
}

/** Throws `OPTION_INVALID` unless a node may call itself `id`. */
export function checkOwnId(id: unknown): asserts id is string {
  checkNodeId(id);
  if (!isReservedId(id)) return;
  throw new TablecastError('OPTION_INVALID', `Node id ${id} would be taken for a node of Zeek.`, {
    hint: 'Ids that begin with "zeek." or "zeek-NAME." are reserved for what Zeek\'s own nodes write; choose another.',
    details: { option: 'id' },
  });
}

/** A node's life: its id and the epoch that began when earlier sequence numbers might be forgotten. */
export interface Origin {
  readonly text: string;
  readonly nodeId: string;
  readonly epoch: number;
}

/** Returns the text that names a life for ever, `nodeId@epoch` with the epoch in base 36. */
export function originText(nodeId: string, epoch: number): string {
  return `${nodeId}@${epoch.toString(36)}`;
}

/** Throws `OPERATION_INVALID` for a text that names no life. */
export function checkOrigin(text: string): void {
  partsOf(text);
}

/** Parses what a text names. Throws `OPERATION_INVALID` for one that names no life. */
export function parseOrigin(text: string): Origin {
  const match = partsOf(text);
  return { text, nodeId: match[1] as string, epoch: Number.parseInt(match[2] as string, 36) };
}

function partsOf(text: string): RegExpExecArray {
  const match = ORIGIN.exec(text);
  if (match !== null) return match;
  throw new TablecastError('OPERATION_INVALID', `${JSON.stringify(text.slice(0, 100))} names no origin.`, {
    hint: 'An origin is nodeId@epoch; the sender is damaged or speaks another protocol.',
  });
}

/**
 * Returns an epoch greater than `after`: the time in units of 2^-10 ms with random low bits, so that two
 * lives that begin in the same millisecond, on a copied directory for example, differ.
 */
export function newEpoch(nowMs: number, random: number, after: number): number {
  const candidate = Math.floor(nowMs) * 1024 + Math.floor(random * 1024);
  return candidate > after ? candidate : after + 1;
}

/** Gives each origin a small number, so that rows and vectors hold integers instead of texts. */
export class Origins {
  readonly #indexes = new Map<string, number>();
  readonly #nodeIds = new Set<string>();
  readonly #origins: Origin[] = [];

  /** The number of an origin, new if it was not known. Throws `OPERATION_INVALID` for a text that names none. */
  intern(text: string): number {
    const known = this.#indexes.get(text);
    if (known !== undefined) return known;
    const origin = parseOrigin(text);
    const index = this.#origins.length;
    this.#origins.push(origin);
    this.#indexes.set(text, index);
    this.#nodeIds.add(origin.nodeId);
    return index;
  }

  /** The number of an origin, or undefined if no operation or vector has named it. */
  find(text: string): number | undefined {
    return this.#indexes.get(text);
  }

  /** Returns whether any life of a node was named. */
  knowsNode(nodeId: string): boolean {
    return this.#nodeIds.has(nodeId);
  }

  at(index: number): Origin {
    return this.#origins[index] as Origin;
  }

  get size(): number {
    return this.#origins.length;
  }
}
