/** The library has these members that are used. */
export interface AutomergeLibrary {
  load(bytes: Uint8Array): object;
  save(document: object): Uint8Array;
  getHeads(document: object): string[];
  free(document: object): void;
}

/** The optional package this mode needs. */
const PACKAGE = '@automerge/automerge';

let library: AutomergeLibrary | undefined;

/** Says how to get the package. */
export const INSTALL = `Install it beside tablecast: npm install ${PACKAGE}@3`;

/**
 * Returns the official library, loaded when it is first asked for; undefined where it is not installed, or
 * where packages cannot be loaded at run time.
 */
export function automergeLibrary(): AutomergeLibrary | undefined {
  if (library !== undefined) return library;
  const builtin = globalThis.process?.getBuiltinModule?.('node:module');
  try {
    library = builtin?.createRequire(import.meta.url)(PACKAGE) as AutomergeLibrary | undefined;
  } catch {
    return undefined;
  }
  return library;
}
