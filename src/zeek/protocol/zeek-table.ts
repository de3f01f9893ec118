import { TablecastError } from '../../errors.ts';
import { parseZeekType } from './zeek-type-parser.ts';
import { typeText, type ZeekType } from './zeek-type.ts';
import { isAtomic } from './values/decode.ts';

/** A description says what a Zeek table is, in Zeek's own words. */
export interface ZeekTableDescription {
  /** Is such as `table[addr] of count`, `set[addr, port]`, `table[string] of Demo::Rec`. */
  readonly type: string;
  /** Describes the types that `type` mentions by name: `{ 'Demo::Color': 'enum { RED, GREEN }' }`. */
  readonly types?: Readonly<Record<string, string>> | undefined;
  /** Names the topic of its `&publish_on_change`, where the script names one. Default `zeek/table/NAME/`. */
  readonly topic?: string | undefined;
}

/** A table of a Zeek cluster with everything needed to read and write its changes. */
export interface ZeekTable {
  /** Qualified, such as `Known::hosts`. */
  readonly name: string;
  readonly topic: string;
  readonly index: readonly ZeekType[];
  /** Undefined for a set. */
  readonly value: ZeekType | undefined;
}

/** The part of a Tablecast declaration that a Zeek table's type gives. */
export interface DerivedDeclaration {
  readonly key: DerivedType | readonly DerivedType[];
  readonly value?: DerivedType;
  readonly complexValues?: true;
}

/** Names of types as Tablecast and Zeek share them. */
export type DerivedType = ZeekType['kind'];

const identifierForm = /^[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*$/;
const maxIdentifierLength = 128;

function bad(name: string, what: string, hint: string): TablecastError {
  return new TablecastError(
    'DECLARATION_INVALID',
    `The Zeek table ${JSON.stringify(name.slice(0, 80))} ${what}.`,
    { hint },
  );
}

/**
 * Compiles the description of a Zeek table.
 *
 * @throws TablecastError `DECLARATION_INVALID` for a name that is no Zeek identifier, for a type that
 *   cannot be read or is neither a table nor a set, and for an empty topic
 */
export function compileZeekTable(name: string, description: ZeekTableDescription): ZeekTable {
  if (name.length > maxIdentifierLength || !identifierForm.test(name)) {
    throw bad(name, 'has no name that Zeek could have', 'Use its full name, such as "Known::hosts".');
  }
  const type = parseZeekType(description.type, new Map(Object.entries(description.types ?? {})));
  const topic = description.topic ?? `zeek/table/${name}/`;
  if (topic === '') throw bad(name, 'has an empty topic', 'Leave the topic out for the default.');
  if (type.kind === 'table') return { name, topic, index: type.index, value: type.value };
  if (type.kind === 'set') return { name, topic, index: type.index, value: undefined };
  throw bad(name, `is declared as ${typeText(type)}`, 'Only tables and sets can be shared.');
}

/**
 * Returns the Tablecast declaration of a Zeek table. Several columns make a composite key; a value that is
 * made of others needs `complexValues`, which is set.
 *
 * @throws TablecastError `DECLARATION_INVALID` for an index that is itself made of others
 */
export function declarationOf(table: ZeekTable): DerivedDeclaration {
  for (const type of table.index) {
    if (!isAtomic(type)) {
      throw bad(
        table.name,
        `has a ${type.kind} as index`,
        'Such a key cannot be shared; index by its fields instead.',
      );
    }
  }
  const [only] = table.index;
  const key =
    table.index.length === 1 && only !== undefined ? only.kind : table.index.map((type) => type.kind);
  if (table.value === undefined) return { key };
  return isAtomic(table.value)
    ? { key, value: table.value.kind }
    : { key, value: table.value.kind, complexValues: true };
}

/**
 * Says what Zeek's own text forms lose of a table, for people; empty if nothing. Times come with
 * milliseconds, doubles with six digits after the point, so that different keys can become one.
 */
export function lossOf(table: ZeekTable): readonly string[] {
  const found = new Set<string>();
  for (const type of table.index) collectLoss(type, 'key', found);
  if (table.value !== undefined) collectLoss(table.value, 'value', found);
  return [...found];
}

function collectLoss(type: ZeekType, place: 'key' | 'value', found: Set<string>): void {
  switch (type.kind) {
    case 'time':
      found.add(`${place}: Zeek publishes times cut to milliseconds`);
      return;
    case 'double':
      found.add(`${place}: Zeek publishes doubles with six digits after the point`);
      return;
    case 'interval':
      found.add(`${place}: Zeek keeps intervals as doubles of seconds, the last nanoseconds may change`);
      return;
    case 'vector':
      return collectLoss(type.element, place, found);
    case 'record':
      for (const field of type.fields) collectLoss(field.type, place, found);
      return;
    case 'set':
    case 'table':
      for (const column of type.index) collectLoss(column, place, found);
      if (type.kind === 'table') collectLoss(type.value, place, found);
      return;
    default:
  }
}
