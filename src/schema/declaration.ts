import { atomicTypes } from './atomic-types.ts';
import { readColumn } from './columns.ts';
import { complexNames } from './complex-value.ts';
import { millisecondsOf } from './duration.ts';
import { schemaLimits } from './limits.ts';
import { suggestion } from './nearest.ts';
import { Refusal, show } from './refusal.ts';
import type { AtomicName, BackendName, ColumnForms, Expiry, ModeName, TypeName } from './schema.ts';

/** A declaration whose members have been checked one by one; the default has not. */
export interface CheckedDeclaration {
  readonly keyTypes: readonly AtomicName[];
  readonly composite: boolean;
  readonly valueType: TypeName | undefined;
  readonly forms: ColumnForms;
  readonly complexValues: boolean;
  readonly backend: BackendName;
  readonly mode: ModeName;
  readonly expiry: Expiry | undefined;
  readonly defaultValue: unknown;
}

type Members = ReadonlyMap<string, unknown>;

/** Lists the members of a declaration. */
export const memberNames = [
  'key',
  'value',
  'backend',
  'mode',
  'createExpire',
  'writeExpire',
  'default',
  'complexValues',
] as const;
/** A backend may be called this: 1 to 32 letters, digits, `_` and `-`, beginning with a letter. */
export const backendNames: RegExp = /^[A-Za-z][\w-]{0,31}$/;
const modes: readonly ModeName[] = ['naive', 'lww', 'automerge'];

const expireVeto =
  'a callback that can keep a row alive on one node cannot be replicated. Use createExpire or writeExpire, and watch changes of kind expired.';

/** Lists what the original refuses as well, with the reason. */
const refusedMembers: ReadonlyMap<string, string> = new Map([
  [
    'readExpire',
    'reads are not replicated, so each node would expire other rows. Use createExpire or writeExpire.',
  ],
  ['expireFunc', expireVeto],
  ['onExpire', expireVeto],
]);

const nameForm = /^[A-Za-z_][A-Za-z0-9_.:-]*$/;

/** Refuses a table name that could not be used everywhere. @throws Refusal */
export function checkTableName(name: unknown): asserts name is string {
  const isLong = typeof name === 'string' && name.length > schemaLimits.maxNameLength;
  if (typeof name === 'string' && !isLong && nameForm.test(name)) return;
  throw new Refusal(
    isLong ? `has a name longer than ${schemaLimits.maxNameLength} characters` : 'is not a table name',
    `Start with a letter or _, go on with letters, digits, _ . : - and use at most ${schemaLimits.maxNameLength} characters.`,
  );
}

/** Checks every member by itself and against the others. @throws Refusal */
export function checkDeclaration(declaration: unknown): CheckedDeclaration {
  const members = readMembers(declaration);
  const keys = keyColumns(members.get('key')).map((column) => readColumn('key', column));
  const value = readColumn('value', members.get('value'));
  const complexValues = readFlag(members, 'complexValues');
  const valueType = readValueType(value.type, complexValues);
  const defaultValue = members.get('default');
  if (valueType === undefined && defaultValue !== undefined) {
    throw new Refusal(
      `declares a default (${show(defaultValue)}) for a set, which has no values`,
      'Leave out default, or declare a value type.',
    );
  }
  return {
    keyTypes: Object.freeze(keys.map(({ type }) => readKeyType(type))),
    forms: { key: keys.map(({ form }) => form), value: value.form, schema: value.schema },
    composite: Array.isArray(members.get('key')),
    valueType,
    complexValues: valueType !== undefined && complexNames.has(valueType),
    backend: readBackend(members.get('backend')),
    mode: readChoice(members, 'mode', modes),
    expiry: readExpiry(members),
    defaultValue,
  };
}

/** Returns the members that are not undefined. */
function readMembers(declaration: unknown): Members {
  if (typeof declaration !== 'object' || declaration === null || Array.isArray(declaration)) {
    throw new Refusal(
      `must be declared by an object, not ${show(declaration)}`,
      "For example { key: 'addr', value: 'count' }.",
    );
  }
  const members = new Map(Object.entries(declaration).filter(([, member]) => member !== undefined));
  for (const name of members.keys()) {
    const reason = refusedMembers.get(name);
    if (reason !== undefined) throw new Refusal(`declares ${name}, which is not supported`, `Why: ${reason}`);
    if (!(memberNames as readonly string[]).includes(name)) {
      throw new Refusal(
        `declares the unknown member ${show(name)}`,
        `Known are ${memberNames.join(', ')}.${suggestion(name, memberNames)}`,
      );
    }
  }
  return members;
}

/** Checks no more than the form: the node knows its backends. */
function readBackend(name: unknown): BackendName {
  if (name === undefined) return 'memory';
  if (typeof name === 'string' && backendNames.test(name)) return name;
  throw new Refusal(
    `declares the backend ${show(name)}`,
    "Use the name of a backend of the node, such as 'memory' or 'sqlite'.",
  );
}

function keyColumns(key: unknown): readonly unknown[] {
  if (key === undefined)
    throw new Refusal('declares no key', "Name the type of the key, such as key: 'addr'.");
  const names: readonly unknown[] = Array.isArray(key) ? key : [key];
  if (names.length === 0)
    throw new Refusal(
      'declares a key without columns',
      "Name at least one type, such as key: ['addr', 'port'].",
    );
  if (names.length > schemaLimits.maxKeyColumns) {
    throw new Refusal(
      `declares a key of ${names.length} columns; at most ${schemaLimits.maxKeyColumns} are allowed`,
      'Join some of them into one string column.',
    );
  }
  // A hole in an array is a column without a type.
  return Array.from(names);
}

function readKeyType(name: unknown): AtomicName {
  const type = typeof name === 'string' ? atomicTypes.get(name) : undefined;
  if (type !== undefined) return type.name;
  if (typeof name === 'string' && complexNames.has(name)) {
    throw new Refusal(
      `declares the complex type '${name}' as key; keys are atomic`,
      `Use one or several of ${typeList(atomicTypes.keys())}.`,
    );
  }
  throw unknownType('key', name, atomicTypes.keys());
}

function typeList(names: Iterable<string>): string {
  return [...names].join(', ');
}

function unknownType(member: string, name: unknown, known: Iterable<string>): Refusal {
  const names = [...known];
  const meant = typeof name === 'string' ? suggestion(name, names) : '';
  return new Refusal(
    `declares the unknown type ${show(name)} as ${member}`,
    `Known are ${typeList(names)}.${meant}`,
  );
}

function readValueType(name: unknown, complexValues: boolean): TypeName | undefined {
  if (name === undefined) return undefined;
  const atomic = typeof name === 'string' ? atomicTypes.get(name) : undefined;
  if (atomic !== undefined) return atomic.name;
  if (typeof name !== 'string' || !complexNames.has(name)) {
    throw unknownType('value', name, [...atomicTypes.keys(), ...complexNames]);
  }
  if (!complexValues) {
    throw new Refusal(
      `declares the complex type '${name}' as value; values are atomic (${typeList(atomicTypes.keys())})`,
      'Add complexValues: true if values may be replaced as a whole only: a change inside one is never replicated.',
    );
  }
  return name as TypeName;
}

function readFlag(members: Members, name: string): boolean {
  const flag = members.get(name) ?? false;
  if (typeof flag === 'boolean') return flag;
  throw new Refusal(`declares ${name}: ${show(flag)}`, 'Use true or false.');
}

function readChoice<T extends string>(
  members: Members,
  name: string,
  choices: readonly [T, ...T[]] | readonly T[],
): T {
  const chosen = members.has(name) ? members.get(name) : choices[0];
  const known = choices.find((choice) => choice === chosen);
  if (known !== undefined) return known;
  const meant = typeof chosen === 'string' ? suggestion(chosen, choices) : '';
  throw new Refusal(
    `declares the unknown ${name} ${show(chosen)}`,
    `Known are ${choices.join(', ')}.${meant}`,
  );
}

function readExpiry(members: Members): Expiry | undefined {
  const create = members.get('createExpire');
  const write = members.get('writeExpire');
  if (create !== undefined && write !== undefined) {
    throw new Refusal(
      `declares both createExpire (${show(create)}) and writeExpire (${show(write)})`,
      'Keep one: createExpire counts from the creation of a key, writeExpire from its last write.',
    );
  }
  if (create !== undefined) return expiryOf('create', create);
  return write === undefined ? undefined : expiryOf('write', write);
}

function expiryOf(kind: Expiry['kind'], duration: unknown): Expiry {
  const milliseconds = expiryMilliseconds(kind, duration);
  if (milliseconds > 0) return Object.freeze({ kind, milliseconds });
  throw new Refusal(
    `declares ${kind}Expire: ${show(duration)}; it must be longer than 0 and at most 10 years`,
    `Leave out ${kind}Expire for rows that stay.`,
  );
}

function expiryMilliseconds(kind: Expiry['kind'], duration: unknown): number {
  try {
    return millisecondsOf(duration);
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    throw new Refusal(`declares a ${kind}Expire that ${thrown.problem}`, thrown.hint);
  }
}
