import { usageError } from './failure.ts';
import { readJsonFile } from './json-file.ts';
import { visible } from './output.ts';

/** The flags say of which types tables in files of Zeek's are. */
export interface TypeFlags {
  readonly type?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly zeekTables?: string | undefined;
}

/** A description says what a table's type is, in Zeek's words. */
interface Description {
  readonly type: string;
  readonly types?: Readonly<Record<string, string>> | undefined;
}

/** Returns what the flags say of a table; undefined when they say nothing. */
export function describedType(
  name: string | undefined,
  { type, types, zeekTables }: TypeFlags,
): Description | undefined {
  if (type !== undefined) return { type, types: namedTypes(types ?? []) };
  return zeekTables === undefined || name === undefined ? undefined : describedIn(zeekTables).get(name);
}

function namedTypes(texts: readonly string[]): Record<string, string> {
  const entries = texts.map((text) => {
    const at = text.indexOf('=');
    if (at > 0) return [text.slice(0, at).trim(), text.slice(at + 1).trim()] as const;
    throw usageError(
      `--types ${visible(text)} names no type.`,
      "Write --types 'Site::Level=enum { LOW, HIGH }'.",
    );
  });
  return Object.fromEntries(entries);
}

/** Returns the tables in a JSON file: those of an attachment, or a whole configuration with `zeek`. */
function describedIn(file: string): ReadonlyMap<string, Description> {
  const hint = 'Give the `tables` of an attachment, or a whole configuration, as JSON.';
  const content = readJsonFile(file, 'file of --zeek-tables', hint);
  const tables = attachments(content).flatMap(({ tables: named }) => Object.entries(named ?? {}));
  return new Map(
    tables.map(([name, table]) => {
      if (isDescription(table)) return [name, { type: table.type, types: table.types }];
      throw usageError(
        `${file} gives ${visible(name)} no type.`,
        `Write "${name}": { "type": "table[addr] of count" }.`,
      );
    }),
  );
}

function attachments(content: unknown): readonly { readonly tables?: object | undefined }[] {
  if (typeof content !== 'object' || content === null) return [];
  if ('zeek' in content)
    return [content.zeek].flat().filter((part) => typeof part === 'object' && part !== null);
  return [{ tables: 'tables' in content && isObject(content.tables) ? content.tables : content }];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isDescription(value: unknown): value is Description {
  if (!isObject(value) || !('type' in value) || typeof value.type !== 'string') return false;
  const types: unknown = 'types' in value ? value.types : undefined;
  return (
    types === undefined || (isObject(types) && Object.values(types).every((text) => typeof text === 'string'))
  );
}
