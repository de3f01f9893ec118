import { TablecastError, type TypeName } from '../../index.ts';

/** A mapped declaration is what reading and writing needs of a table's. */
export interface MappedDeclaration {
  readonly key: TypeName | readonly TypeName[];
  readonly value?: TypeName | undefined;
}

/**
 * A mapping says which fields of a log hold the columns of a table.
 *
 * Each entry is the name of a field. For a column of type port it can be `NUMBER/PROTOCOL`: the field with
 * the number and the field with the protocol (`id.resp_p/proto`), or one of the words tcp, udp, icmp, unknown
 * for all rows (`id.resp_p/tcp`).
 */
export interface FieldMapping {
  readonly key: readonly string[];
  readonly value?: string | undefined;
}

/** One column of a table and the field, or two fields, it comes from. */
export interface MappedColumn {
  readonly type: TypeName;
  readonly field: string;
  /** Ports only: the field with the protocol. */
  readonly protocolField?: string;
  /** Ports only: the protocol of all rows. */
  readonly protocol?: string;
}

/** A mapping that fits its declaration. */
export interface MappedColumns {
  readonly key: readonly MappedColumn[];
  readonly value: MappedColumn | undefined;
  /** True when a key is an array even with one column. */
  readonly compositeKey: boolean;
}

/** Words that name a protocol, not a field. */
const protocols: ReadonlySet<string> = new Set(['tcp', 'udp', 'icmp', 'unknown']);

function keyTypes(declaration: MappedDeclaration): readonly TypeName[] {
  return typeof declaration.key === 'string' ? [declaration.key] : declaration.key;
}

/** The fields an export has when none are named: `key`, or `key1`, `key2`, …, and `value`. */
export function defaultMapping(declaration: MappedDeclaration): FieldMapping {
  const composite = typeof declaration.key !== 'string';
  const key = composite ? declaration.key.map((_, index) => `key${index + 1}`) : ['key'];
  return declaration.value === undefined ? { key } : { key, value: 'value' };
}

function mapColumn(type: TypeName, text: string): MappedColumn {
  const slash = type === 'port' ? text.lastIndexOf('/') : -1;
  const field = slash === -1 ? text : text.slice(0, slash);
  const protocol = slash === -1 ? undefined : text.slice(slash + 1);
  if (field === '' || protocol === '') {
    throw new TablecastError('OPTION_INVALID', `field mapping '${text}': a field name is missing`, {
      hint: "Name a field, or for a port 'number/protocol'.",
      details: { value: text },
    });
  }
  if (protocol === undefined) return { type, field };
  return protocols.has(protocol) ? { type, field, protocol } : { type, field, protocolField: protocol };
}

/**
 * Pairs the columns of a declaration with the fields of a mapping.
 *
 * @throws TablecastError `OPTION_INVALID` when their numbers differ or a name is empty.
 */
export function mapColumns(mapping: FieldMapping, declaration: MappedDeclaration): MappedColumns {
  const types = keyTypes(declaration);
  if (mapping.key.length !== types.length) {
    throw new TablecastError(
      'OPTION_INVALID',
      `the key has ${types.length} column(s) (${types.join(', ')}), the mapping names ${mapping.key.length} field(s)`,
      { hint: 'Name one field for each column of the key, in the order of the declaration.' },
    );
  }
  if ((mapping.value === undefined) !== (declaration.value === undefined)) {
    const set = declaration.value === undefined;
    throw new TablecastError(
      'OPTION_INVALID',
      set
        ? `a set has no values, yet field '${mapping.value}' is mapped to them`
        : 'no field is mapped to the values',
      { hint: set ? 'Leave the value field out.' : `Name the field that holds the ${declaration.value}.` },
    );
  }
  return {
    key: types.map((type, index) => mapColumn(type, mapping.key[index] as string)),
    value:
      declaration.value === undefined ? undefined : mapColumn(declaration.value, mapping.value as string),
    compositeKey: typeof declaration.key !== 'string',
  };
}
