export type { Cell, JsonValue, Key, Schema, TableDeclaration, TypeName, Value } from './schema.ts';
export { bytesOfText, textOfBytes } from './byte-strings.ts';
export { backendNames } from './declaration.ts';
export { compileSchema, sameDeclaration } from './compile.ts';
export { differenceFromBefore, differenceFromThere } from './difference.ts';
export { suggestion } from './nearest.ts';
export { parseDuration } from './duration.ts';
export { schemaLimits } from './limits.ts';
