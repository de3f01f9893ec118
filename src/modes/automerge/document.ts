import type { DocumentOwner, TableDocument } from '../conflict-mode.ts';
import { BetweenSwitches } from './between-switches.ts';
import { CarriedRuns } from './carried-runs.ts';
import { ContentInChunks } from './content-in-chunks.ts';
import { DocumentState } from './document-state.ts';
import { ExportedHistory } from './exported-history.ts';
import { OwnRuns } from './own-runs.ts';
import { ShownValues } from './shown-values.ts';

/** Makes the Automerge document behind one table, from one switch of mode to the next. */
export function automergeDocument(owner: DocumentOwner): TableDocument {
  const state = new DocumentState(owner);
  return {
    writing: new OwnRuns(state),
    folding: new CarriedRuns(state),
    reading: new ShownValues(state),
    content: new ContentInChunks(state),
    switching: new BetweenSwitches(state),
    history: new ExportedHistory(state),
  };
}
