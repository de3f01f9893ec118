import type { AtomicName } from '../../schema/schema.ts';

/** A field of a record, in the order in which Zeek declares them. */
export interface ZeekField {
  readonly name: string;
  readonly type: ZeekType;
  readonly optional: boolean;
}

/** The types that hold one value. */
export type AtomicKind = Exclude<AtomicName, 'enum'>;

/**
 * A type as a Zeek script declares it. What travels does not say which labels an enum has or which
 * fields a record has, so the sender must know.
 */
export type ZeekType =
  | { readonly kind: AtomicKind }
  /** Undefined labels: any label is read, none is sent. */
  | { readonly kind: 'enum'; readonly labels: ReadonlySet<string> | undefined }
  | { readonly kind: 'record'; readonly fields: readonly ZeekField[] }
  | { readonly kind: 'vector'; readonly element: ZeekType }
  | { readonly kind: 'set'; readonly index: readonly ZeekType[] }
  | { readonly kind: 'table'; readonly index: readonly ZeekType[]; readonly value: ZeekType };

/** Returns a type as Zeek writes it, enums by their kind only: `table[addr, port] of count`. */
export function typeText(type: ZeekType): string {
  switch (type.kind) {
    case 'record':
      return `record { ${type.fields.map(fieldText).join(' ')} }`;
    case 'vector':
      return `vector of ${typeText(type.element)}`;
    case 'set':
      return `set[${type.index.map(typeText).join(', ')}]`;
    case 'table':
      return `table[${type.index.map(typeText).join(', ')}] of ${typeText(type.value)}`;
    default:
      return type.kind;
  }
}

function fieldText(field: ZeekField): string {
  return `${field.name}: ${typeText(field.type)}${field.optional ? ' &optional' : ''};`;
}
