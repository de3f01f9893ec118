import { TablecastError, type ErrorCode } from '../errors.ts';
import type { AtomicType } from './atomic-type.ts';
import { atomicTypes } from './atomic-types.ts';
import { checkDeclaration, checkTableName, type CheckedDeclaration } from './declaration.ts';
import { checkCanonicalKey, compositeKeyCodec, singleKeyCodec, type KeyCodec } from './key-codec.ts';
import { schemaLimits } from './limits.ts';
import { asRefusal, Refusal, show } from './refusal.ts';
import type { Cell, CellPreparation, ComplexName, PlainDeclaration, Schema, Value } from './schema.ts';
import { atomicValueCodec, complexValueCodec, noValueCodec, type ValueCodec } from './value-codec.ts';

/**
 * Checks a declaration and compiles it into the conversions of its keys and values.
 *
 * @param name - letters, digits and `_ . : -`, at most `schemaLimits.maxNameLength`, first a letter or `_`
 * @param declaration - a TableDeclaration, unchecked; not kept
 * @throws TablecastError `DECLARATION_INVALID`, naming the rule, the member and its value
 */
export function compileSchema(name: string, declaration: unknown): Schema {
  try {
    checkTableName(name);
    return compiled(name, checkDeclaration(declaration));
  } catch (thrown) {
    const { problem, hint } = asRefusal(thrown);
    const message = `Table ${show(name)} ${problem}`;
    throw new TablecastError('DECLARATION_INVALID', message, {
      hint,
      details: { table: shortName(name) },
    });
  }
}

/** For details: bounded also when the name is refused, and whatever a caller without types passed. */
function shortName(name: unknown): string {
  return typeof name === 'string' ? name.slice(0, schemaLimits.maxNameLength) : show(name);
}

/**
 * Returns true when two nodes with these declarations can replicate the table between them: same fingerprint,
 * same mode.
 */
export function sameDeclaration(a: Schema, b: Schema): boolean {
  return a.fingerprint === b.fingerprint && a.mode === b.mode;
}

function compiled(name: string, checked: CheckedDeclaration): Schema {
  const types = checked.keyTypes.map(atomicTypeOf);
  const keys = checked.composite
    ? compositeKeyCodec(types)
    : singleKeyCodec(atomicTypeOf(checked.keyTypes[0] ?? ''));
  const values = valueCodecOf(checked);
  const defaultValue = defaultOf(checked, values);
  return Object.freeze({
    name,
    isSet: checked.valueType === undefined,
    keyTypes: checked.keyTypes,
    composite: checked.composite,
    valueType: checked.valueType,
    backend: checked.backend,
    mode: checked.mode,
    expiry: checked.expiry,
    defaultValue,
    forms: checked.forms,
    textKeys: !checked.composite && types.every((type) => type.isText),
    ...keyMembers(name, checked, keys),
    ...valueMembers(name, checked, values),
    fingerprint: fingerprintOf(checked),
    declaration: normalised(checked, defaultValue),
  });
}

function atomicTypeOf(name: string): AtomicType {
  const type = atomicTypes.get(name);
  if (type === undefined)
    throw new Refusal(`declares the unknown type ${show(name)}`, 'Report this as a defect.');
  return type;
}

function valueCodecOf({ valueType, complexValues }: CheckedDeclaration): ValueCodec {
  if (valueType === undefined) return noValueCodec;
  return complexValues
    ? complexValueCodec(valueType as ComplexName)
    : atomicValueCodec(atomicTypeOf(valueType));
}

/** Turns what a check throws into an error that names the table and the declared type. */
function refusing(code: ErrorCode, subject: string, details: { table: string; expected: string }) {
  return (thrown: unknown): TablecastError => {
    const { problem, hint } = asRefusal(thrown);
    const message = `The ${subject} of table '${details.table}' (declared ${details.expected}) ${problem}`;
    return new TablecastError(code, message, { hint, details });
  };
}

type KeyMembers = Pick<Schema, 'keyText' | 'keyOf' | 'checkKeyText'>;

function keyMembers(table: string, checked: CheckedDeclaration, codec: KeyCodec): KeyMembers {
  const expected = checked.composite ? `[${checked.keyTypes.join(', ')}]` : checked.keyTypes.join();
  const refused = refusing('KEY_INVALID', 'key', { table, expected });
  const refusedOperation = refusing('OPERATION_INVALID', 'key of an operation', { table, expected });
  const { toText, fromText } = codec;
  return {
    keyText: (key) => {
      try {
        return toText(key);
      } catch (thrown) {
        throw refused(thrown);
      }
    },
    keyOf: fromText,
    checkKeyText: (text) => {
      try {
        checkCanonicalKey(text, codec);
      } catch (thrown) {
        throw refusedOperation(thrown);
      }
    },
  };
}

type ValueMembers = Pick<Schema, 'value' | 'column' | 'toColumn' | 'fromColumn' | 'checkCell' | 'preparing'>;

function valueMembers(table: string, checked: CheckedDeclaration, codec: ValueCodec): ValueMembers {
  const details = { table, expected: checked.valueType ?? 'a set' };
  const refused = refusing('VALUE_INVALID', 'value', details);
  const refusedOperation = refusing('OPERATION_INVALID', 'value of an operation', details);
  const { column, canonical, toColumn, fromColumn, checkCell, preparing } = codec;
  return {
    value: (value) => {
      try {
        return canonical(value);
      } catch (thrown) {
        throw refused(thrown);
      }
    },
    column,
    toColumn,
    fromColumn,
    checkCell: (cell: Cell) => {
      try {
        checkCell(cell);
      } catch (thrown) {
        throw refusedOperation(thrown);
      }
    },
    preparing: preparing === undefined ? undefined : () => refusingAhead(preparing(), refusedOperation),
  };
}

function refusingAhead(
  preparation: CellPreparation,
  refused: (thrown: unknown) => TablecastError,
): CellPreparation {
  return {
    forget: () => preparation.forget(),
    *prepare(cell) {
      try {
        return yield* preparation.prepare(cell);
      } catch (thrown) {
        throw refused(thrown);
      }
    },
  };
}

/** Returns the canonical default; a value JSON cannot say may be given as the text `normalised` writes. */
function defaultOf({ valueType, complexValues, defaultValue }: CheckedDeclaration, codec: ValueCodec): Value {
  if (defaultValue === undefined || valueType === undefined) return undefined;
  const type = complexValues ? undefined : atomicTypes.get(valueType);
  try {
    if (typeof defaultValue === 'string' && type !== undefined && isAtomText(defaultValue, type)) {
      return codec.canonical(type.parse(defaultValue));
    }
    return codec.canonical(defaultValue);
  } catch (thrown) {
    const { problem, hint } = asRefusal(thrown);
    throw new Refusal(`declares a default that ${problem} (declared ${valueType})`, hint);
  }
}

function isAtomText(text: string, type: AtomicType): boolean {
  if (type.column === 'double') return type.text(type.parse(text)) === text;
  return (type.column === 'integer' || type.column === 'bigint') && /^-?\d{1,20}$/.test(text);
}

function fingerprintOf({
  keyTypes,
  composite,
  valueType,
  expiry,
  complexValues,
}: CheckedDeclaration): string {
  return JSON.stringify({
    key: composite ? keyTypes : keyTypes[0],
    value: valueType ?? null,
    expiry: expiry === undefined ? null : [expiry.kind, expiry.milliseconds],
    complexValues,
  });
}

function jsonSafe(value: Value): unknown {
  const sayable = typeof value !== 'bigint' && (typeof value !== 'number' || Number.isFinite(value));
  return sayable ? value : String(value);
}

function normalised(checked: CheckedDeclaration, defaultValue: Value): Readonly<PlainDeclaration> {
  const { keyTypes, composite, valueType, backend, mode, expiry, complexValues } = checked;
  const [single = 'string'] = keyTypes;
  return Object.freeze({
    key: composite ? keyTypes : single,
    ...(valueType === undefined ? {} : { value: valueType }),
    backend,
    mode,
    ...(expiry === undefined ? {} : { [`${expiry.kind}Expire`]: expiry.milliseconds }),
    ...(defaultValue === undefined ? {} : { default: jsonSafe(defaultValue) }),
    ...(complexValues ? { complexValues } : {}),
  });
}
