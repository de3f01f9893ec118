import { exactly } from '../../src/schema/exactly.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openNode } from 'tablecast';
import { type ImportFlags, type Imported, importRows } from '../../src/cli/row-import.ts';
import { parseDeclaration } from '../../src/cli/table-words.ts';
import { temporary } from './support/command.ts';

/** What an import wrote and said. */
export interface Outcome {
  readonly rows: ReadonlyMap<unknown, unknown>;
  readonly imported: Imported | undefined;
  readonly error: Error | undefined;
}

/** Imports content into a table of a node of its own, as the command does. */
export async function importing(
  content: string | Uint8Array,
  declare: string,
  flags: ImportFlags,
): Promise<Outcome> {
  const file = join(temporary(), 'input');
  writeFileSync(file, content);
  return importingFile(file, declare, flags);
}

/** The same for a file that is there. */
export async function importingFile(file: string, declare: string, flags: ImportFlags): Promise<Outcome> {
  const node = await openNode({ id: 'n' });
  onTestFinished(() => node.close());
  const declaration = parseDeclaration(declare, 't');
  const table = node.table('t', exactly(declaration));
  let standing = 0;
  const target = {
    name: 't',
    table,
    declaration: table.declaration,
    confirmed: async (_: number, written: number) => void (standing = written),
    standing: () => standing,
  };
  let imported: Imported | undefined;
  let error: Error | undefined;
  try {
    imported = await importRows(file, target, flags);
  } catch (thrown) {
    error = thrown as Error;
  }
  const entries = table as unknown as Iterable<unknown>;
  const isSet = declaration.value === undefined;
  const rows = new Map(
    Array.from(entries, (row) =>
      isSet ? [keyText(row), undefined] : [keyText((row as unknown[])[0]), (row as unknown[])[1]],
    ),
  );
  return { rows, imported, error };
}

function keyText(key: unknown): unknown {
  return Array.isArray(key) ? key.join(' ') : key;
}
