import { TablecastError } from '../../errors.ts';
import { bytesOf } from './change.ts';
import { INSTALL, automergeLibrary } from './library.ts';

/**
 * Returns a document of the official library made of changes, in its compact format. Throws `OPTION_INVALID`
 * without the library, `OPERATION_INVALID` when it does not read the changes as this node does.
 */
export function exportDocument(
  changes: readonly Uint8Array[],
  heads: readonly string[],
  table: string,
): Uint8Array {
  const library = automergeLibrary();
  if (library === undefined) {
    throw new TablecastError(
      'OPTION_INVALID',
      `The document of table ${table} needs the Automerge library.`,
      {
        hint: INSTALL,
        details: { table },
      },
    );
  }
  const bytes = new Uint8Array(changes.reduce((sum, change) => sum + change.length, 0));
  let at = 0;
  for (const change of changes) {
    bytes.set(change, at);
    at += change.length;
  }
  let cause: unknown;
  try {
    const document = library.load(bytes);
    const agrees = library.getHeads(document).toSorted().join() === heads.map(hex).toSorted().join();
    const saved = agrees ? library.save(document) : undefined;
    library.free(document);
    if (saved !== undefined) return saved;
  } catch (error) {
    cause = error;
  }
  throw new TablecastError(
    'OPERATION_INVALID',
    `The Automerge library does not read the document of table ${table} as this node does.`,
    {
      hint: "A peer wrote a change that refers to nothing. switchMode('automerge') begins a new document with the rows as they are.",
      details: { table },
      cause,
    },
  );
}

function hex(hash: string): string {
  return Array.from(bytesOf(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
