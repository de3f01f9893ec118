import type { ConflictMode } from '../conflict-mode.ts';
import { automergeDocument } from './document.ts';
import { INSTALL, automergeLibrary } from './library.ts';

/**
 * A table is an Automerge document: concurrent writes of one key all stay readable, the same one
 * stands everywhere, and what is added to a counter adds up. Needs the package `@automerge/automerge`.
 */
export const automergeMode: ConflictMode = {
  name: 'automerge',
  convergent: true,
  comparesVersions: false,
  supersedes: () => true,
  documents: automergeDocument,
  unavailable: () =>
    automergeLibrary() === undefined
      ? `mode automerge needs the package @automerge/automerge, which is not installed here. ${INSTALL}`
      : undefined,
};
