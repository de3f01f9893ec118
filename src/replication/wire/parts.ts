import { MAX_ENTRIES, type Sources, type TableState } from './bodies.ts';

/** Bounds the entries of version vectors, and the tables, that a node says at a time. */
const MESSAGE_HELD = 24_576;
const MAX_MESSAGE_TABLES = 1024;
/** Bounds how many entries of what is held a node says at a time beside its sources. */
const SOURCES_HELD = 8192;

/** Tables in parts of which each fits into one message. */
export function partsOf(states: readonly TableState[]): TableState[][] {
  return inMessages(states, ({ held }) => held.length);
}

/** As {@link partsOf}, before it is made what is said of them. */
export function groupsOf<T extends { readonly lives: number }>(tables: readonly T[]): T[][] {
  return inMessages(tables, ({ lives }) => lives);
}

function inMessages<T>(tables: readonly T[], entriesOf: (table: T) => number): T[][] {
  const parts: T[][] = [[]];
  let entries = 0;
  for (const table of tables) {
    const last = parts.at(-1) as T[];
    entries += entriesOf(table);
    if (last.length > 0 && (entries > MESSAGE_HELD || last.length >= MAX_MESSAGE_TABLES)) {
      parts.push([table]);
      entries = entriesOf(table);
    } else {
      last.push(table);
    }
  }
  return parts;
}

/**
 * Makes what is said of sources, as messages that each fit: of direct ones as many as one may name (what is
 * not named is relayed once too often), of held ones all.
 */
export function sourcesOf({ direct: all, have: every, sessions: each = [] }: Sources): Sources[] {
  const some: [string, string[]][] = [];
  let left = MAX_ENTRIES;
  for (const [origin, its] of all) {
    if (left <= 0) break;
    some.push([origin, its.slice(0, left)]);
    left -= its.length;
  }
  const messages: Sources[] = [];
  for (let at = 0; at === 0 || at < every.length; at += SOURCES_HELD) {
    const end = at + SOURCES_HELD;
    messages.push({ direct: some, have: every.slice(at, end), sessions: each.slice(at, end) });
  }
  return messages;
}
