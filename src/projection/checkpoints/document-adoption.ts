import type { VersionVector } from '../../log/operations/version-vector.ts';
import type { DocumentFold } from '../folding/document-fold.ts';
import type { WholeTable } from '../whole-table.ts';
import type { CheckpointEntry } from '../switching/switching.ts';

/**
 * Takes in the document of a checkpoint of this node's own log, as far as it was written before a stamp; `begins` when
 * the checkpoint stands behind a later switch.
 */
export function loadDocument(
  projection: WholeTable,
  chunks: readonly Uint8Array[],
  { begins, before }: { readonly begins: boolean; readonly before: number },
): void {
  const { rows, effects } = projection;
  const { documents } = projection.inForce;
  if (documents === undefined) return;
  documents.document.content.merge(chunks, true, before);
  documents.refineRows();
  if (begins) documents.begin();
  const { put, removed } = documents.differences();
  for (const slot of put) {
    const { value, dot } = documents.standingIn(slot);
    // Of what nobody is known to have written it is not known when.
    if (dot.stamp === 0 && before < Infinity) continue;
    effects.adoptRow(slot, { value, dot, created: dot.stamp }, undefined);
  }
  for (const slot of removed) effects.adoptRemoval(slot, rows.dot(slot), undefined);
}

/** A checkpoint of another node under way into a table that has a document of its own. */
export interface DocumentAdoption {
  /** Takes one row of the checkpoint: when it was created, and which operation exactly wrote it. */
  note(entry: CheckpointEntry): void;
  /** Brings the rows in line; `theirs` is what the other node had seen. */
  finish(theirs: VersionVector): { readonly rows: readonly number[]; readonly removed: readonly number[] };
}

/** Merges the document of another node. Throws `OPERATION_INVALID`, and has changed nothing then. */
export function adoptDocument(
  projection: WholeTable,
  chunks: readonly Uint8Array[],
  position: number,
): DocumentAdoption {
  const documents = projection.inForce.documents as DocumentFold;
  documents.document.content.merge(chunks, false);
  const created = new Map<number, number>();
  return {
    note: (entry) => {
      if (entry.removed) return;
      created.set(entry.slot, entry.created);
      documents.refine(entry.slot, entry.dot);
    },
    finish: (theirs) => {
      const { rows, effects, reporter } = projection;
      const { put, removed } = documents.differences();
      const live = (index: number): { position: number; seen: VersionVector } | undefined =>
        reporter.listening ? { position: position + index, seen: theirs } : undefined;
      for (const [index, slot] of put.entries()) {
        const { value, dot } = documents.standingIn(slot);
        effects.adoptRow(slot, { value, dot, created: created.get(slot) ?? dot.stamp }, live(index));
      }
      for (const [index, slot] of removed.entries())
        effects.adoptRemoval(slot, rows.dot(slot), live(put.length + index));
      return { rows: put, removed };
    },
  };
}
