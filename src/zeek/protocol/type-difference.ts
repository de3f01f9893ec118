import type { ZeekField, ZeekType } from './zeek-type.ts';
import type { ZeekTable } from './zeek-table.ts';

const MAX_WORDS = 1000;

/** Returns whether everything that fits the first table can be sent to nodes that have the second one. */
export function isSendable(ours: ZeekTable, theirs: ZeekTable): boolean {
  if (!allSendable(ours.index, theirs.index)) return false;
  if (ours.value === undefined || theirs.value === undefined) return ours.value === theirs.value;
  return isSendableType(ours.value, theirs.value);
}

function allSendable(ours: readonly ZeekType[], theirs: readonly ZeekType[]): boolean {
  return (
    ours.length === theirs.length && ours.every((type, at) => isSendableType(type, theirs[at] as ZeekType))
  );
}

function isSendableType(ours: ZeekType, theirs: ZeekType): boolean {
  switch (ours.kind) {
    case 'enum':
      return theirs.kind === 'enum' && knowsLabels(ours.labels, theirs.labels);
    case 'record':
      return theirs.kind === 'record' && haveSameFields(ours.fields, theirs.fields);
    case 'vector':
      return theirs.kind === 'vector' && isSendableType(ours.element, theirs.element);
    case 'set':
      return theirs.kind === 'set' && allSendable(ours.index, theirs.index);
    case 'table':
      if (theirs.kind !== 'table' || !allSendable(ours.index, theirs.index)) return false;
      return isSendableType(ours.value, theirs.value);
    default:
      return ours.kind === theirs.kind;
  }
}

/** An enum without labels is never sent. */
function knowsLabels(
  ours: ReadonlySet<string> | undefined,
  theirs: ReadonlySet<string> | undefined,
): boolean {
  return ours === undefined || theirs === undefined || [...ours].every((label) => theirs.has(label));
}

/** A record travels as its fields in their order. A field that may be unset is not one that must be set. */
function haveSameFields(ours: readonly ZeekField[], theirs: readonly ZeekField[]): boolean {
  if (ours.length !== theirs.length) return false;
  return ours.every(({ name, type, optional }, at) => {
    const field = theirs[at] as ZeekField;
    return name === field.name && optional === field.optional && isSendableType(type, field.type);
  });
}

/** Returns what a table is in words, records and enums spelt out, cut to 1,000 characters. */
export function tableWords({ index, value }: ZeekTable): string {
  const columns = `[${index.map(words).join(', ')}]`;
  const all = value === undefined ? `set${columns}` : `table${columns} of ${words(value)}`;
  return all.length > MAX_WORDS ? `${all.slice(0, MAX_WORDS)}…` : all;
}

function words(type: ZeekType): string {
  switch (type.kind) {
    case 'enum':
      return type.labels === undefined ? 'enum' : `enum { ${[...type.labels].toSorted().join(', ')} }`;
    case 'record':
      return `record { ${type.fields.map(fieldWords).join(' ')} }`;
    case 'vector':
      return `vector of ${words(type.element)}`;
    case 'set':
      return `set[${type.index.map(words).join(', ')}]`;
    case 'table':
      return `table[${type.index.map(words).join(', ')}] of ${words(type.value)}`;
    default:
      return type.kind;
  }
}

function fieldWords({ name, type, optional }: ZeekField): string {
  return `${name}: ${words(type)}${optional ? ' &optional' : ''};`;
}
