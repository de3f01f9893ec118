export type {
  AtomicName,
  BackendName,
  Cell,
  Column,
  ColumnForms,
  ComplexColumn,
  ComplexName,
  Duration,
  ModeName,
  KeyColumn,
  IntegerColumn,
  IntegerForm,
  JsonValue,
  Key,
  PlainDeclaration,
  Schema,
  TableDeclaration,
  TypeName,
  Value,
} from './schema.ts';
export { bytesOfText, textOfBytes } from './byte-strings.ts';
export { backendNames, memberNames } from './declaration.ts';
export { readAs, readMembers, readRow, readingOf, sameForms, shownKey } from './reading.ts';
export type { Reading } from './reading.ts';
export { compileSchema, sameDeclaration } from './compile.ts';
export { differenceFromBefore, differenceFromThere, differingMembers } from './difference.ts';
export type { StandardIssue, StandardResult, StandardSchema } from './standard-schema.ts';
export { suggestion } from './nearest.ts';
export { isDuration, parseDuration } from './duration.ts';
export { schemaLimits } from './limits.ts';
export { sumWithin } from './numeric-types.ts';
