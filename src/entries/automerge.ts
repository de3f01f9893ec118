/**
 * The conflict mode `automerge`, as `conflictModeSuite` and programs see it. Needs the package
 * `@automerge/automerge`, which is loaded with the first document.
 *
 * @packageDocumentation
 */
export { automergeMode } from '../modes/automerge/automerge.ts';
export type { ConflictMode, Version } from '../modes/conflict-mode.ts';
