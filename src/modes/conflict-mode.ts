import type { Cell, ColumnType } from '../schema/schema.ts';

/** A version is what a conflict mode may know of a write: nothing but its name and its time. */
export interface Version {
  /** Is the hybrid logical time of the write, in 1/1024 ms since 1970. */
  stamp: number;
  /** Names its author's life: `nodeId@epoch`. */
  origin: string;
  sequence: number;
}

/**
 * A conflict mode decides what an operation does to a row that somebody else may have written
 * meanwhile. An implementation is pure and deterministic: no clock, no I/O, no randomness.
 *
 * Duplicates and gaps are the log's business; checking keys and values is the schema's.
 */
export interface ConflictMode {
  readonly name: 'naive' | 'lww' | 'automerge';
  /** Says whether replicas that hold the same operations hold the same rows, whatever the order of arrival. */
  readonly convergent: boolean;
  /**
   * Says whether versions decide at all. When false, {@link supersedes} is never asked and every operation
   * takes effect on arrival, but for what had been seen by the author of what stands; or documents decide.
   */
  readonly comparesVersions: boolean;
  /** Returns whether `incoming` takes effect on a key whose latest write or removal is `present`. */
  supersedes(incoming: Version, present: Version): boolean;
  /** Makes a table's document, in modes whose operations carry changes of one. */
  readonly documents?: ((of: DocumentOwner) => TableDocument) | undefined;
  /** Says why tables of this mode cannot be declared here; undefined when they can. */
  readonly unavailable?: (() => string | undefined) | undefined;
}

// Modes with documents ------------------------------------------------------------------------------

/** An owner is the table that a document stands for. */
export interface DocumentOwner {
  readonly table: string;
  readonly column: ColumnType;
  /** Says whether values are whole numbers from 0, so that a sum below shows as 0. */
  readonly unsigned: boolean;
  /** Is what an absent key counts from. */
  readonly start: number;
  /** Is the switch of mode that the document begins with; counter 0 before any. */
  readonly epoch: { readonly counter: number; readonly origin: string };
  /** Throws `OPERATION_INVALID` for a key or value that the table cannot hold. */
  checkKey(text: string): void;
  checkCell(cell: Cell): void;
  /** Throws `OPERATION_INVALID` for what names no origin, or for changes of this node's own that it did not make. */
  checkOrigin(origin: string, known: boolean): void;
}

/** A standing is one value under a key, with the write it comes from; of a counter the latest that went into it. */
export interface Standing extends Readonly<Version> {
  readonly cell: Cell;
}

/** A base row was there when the document began. */
export interface BaseRow extends Standing {
  readonly text: string;
}

/** A net effect is what the operations of one run do to one key, taken together. */
export interface NetEffect {
  readonly kind: 'put' | 'delete' | 'add';
  /** Is what a put puts; undefined in a set. */
  readonly cell: Cell | undefined;
  /** Is what is added; 0 otherwise. */
  readonly by: number;
  /** Says of a removal that it is an expiry alone: of the value that stands, and of no other. */
  readonly expires?: boolean;
  /** Is the sequence of the last of them. */
  readonly sequence: number;
  readonly stamp: number;
}

/** The effects are what a run does, taken together. */
export interface RunEffects {
  readonly origin: string;
  readonly firstSequence: number;
  readonly firstStamp: number;
  /** Says whether the run removes every key its author had seen. */
  readonly cleared: boolean;
  readonly keys: ReadonlyMap<string, NetEffect>;
}

/** A counter is entered by the run that is the first to add to it: every node makes its beginning by itself, and alike. */
export interface EnteredCounter {
  readonly text: string;
  /** Is 1 for the first counter under the key, one more for each that follows a removed one. */
  readonly generation: number;
  readonly start: number;
}

/** The changes are what a run carries for the document. */
export interface RunChanges {
  readonly entered: readonly EnteredCounter[];
  /** Holds changes as the document's own format has them. */
  readonly changes: readonly Uint8Array[];
}

/** The prepared changes say how much is in what a run carries. */
export interface PreparedChanges {
  /** Counts the operations of its changes: those under a `clear` are more than the run has. */
  readonly operations: number;
  /** Counts the earlier operations that they name. */
  readonly named: number;
}

/** A written run is what a run of this node carries, and the keys to look at afterwards beside its own. */
export interface WrittenRun extends RunChanges {
  /** Counts the operations of its changes. */
  readonly operations: number;
  readonly others: ReadonlySet<string>;
}

/** An own effect is what one operation did to a key, as far as it still stands. */
export interface OwnEffect {
  readonly text: string;
  readonly origin: string;
  /** Is the sequence of its run's first operation: runs are passed over, or not, as a whole. */
  readonly sequence: number;
  readonly kind: 'put' | 'delete' | 'add';
  readonly cell: Cell | undefined;
  readonly by: number;
}

/** Puts what this node writes into the document; a batch that throws takes it back. */
export interface DocumentWriting {
  /** Returns whether a counter can be begun under a key: what others did may have left no number for it. */
  canBegin(text: string): boolean;
  /** Puts a run of this node into the document; returns what the run must carry. */
  write(effects: RunEffects): WrittenRun;
  /** Begins to keep what takes back the writes from now on. */
  beginUndo(): void;
  /** Keeps, or takes back, what was written since {@link beginUndo}. */
  endUndo(keep: boolean): void;
}

/**
 * Room says how much of what waited may take effect together with what it waited for, in plain operations. Each frame
 * has its own, and what waits of a frame takes effect together.
 */
export interface WaitedRoom {
  left: number;
}

/** Waited says what a frame's runs did that had waited for others. */
export interface Waited {
  /** Counts what it cost, in plain operations. */
  readonly units: number;
  /** Returns whether they only add to a counter under a key, as far as that is known. */
  adds(text: string): boolean;
  /** The keys to look at. */
  readonly keys: ReadonlySet<string>;
}

/** Takes in runs of others and of the log: what is dear is done before their turn, and what is wrong changes nothing. */
export interface DocumentFolding {
  /**
   * Reads what a run carries in steps, each of which gives the microseconds it takes at most: it is not read again
   * when the same list of changes is checked or applied. Says what there is in it; what does not hold is left to
   * {@link check}.
   */
  prepare(carried: RunChanges): Generator<number, PreparedChanges, undefined>;
  /**
   * Compares what a run carries with what its operations do, which is not done again when the same effects are
   * checked. Throws `OPERATION_INVALID`.
   */
  compare(effects: RunEffects, carried: RunChanges): void;
  /** Checks what a run carries against its operations and the document, changing nothing. Throws `OPERATION_INVALID`. */
  check(effects: RunEffects, carried: RunChanges): void;
  /**
   * Takes in a run of another node, or of the log; returns the keys to look at beside its own. Changes that follow
   * others wait for them, and where those have come and there is no room left, for {@link next}.
   */
  apply(effects: RunEffects, carried: RunChanges, room?: WaitedRoom): ReadonlySet<string>;
  /** Says whether runs wait for nothing but {@link next}. */
  readonly hasWaited: boolean;
  /** Takes in the runs of one frame that waited for nothing else any more; undefined when there are none. */
  next(): Waited | undefined;
  /**
   * Takes in the first operations of a run only, as their author had done them; `effects` are those of the whole.
   * Runs that follow the whole one can be taken in behind it, but nothing that is written.
   */
  applyPart(part: RunEffects, effects: RunEffects, carried: RunChanges): ReadonlySet<string>;
}

/** Shows what stands in the document, for the rows to be made alike. */
export interface DocumentReading {
  /** Returns the value that stands under a key in the document; undefined when none does, or none is there yet. */
  standing(text: string): Standing | undefined;
  /** Returns all values under a key, the one that stands first. */
  values(text: string): readonly Standing[];
  /** Returns whether the document has, or had, anything in the part of it that a key belongs to. */
  covers(text: string): boolean;
  /** Returns the keys that have a value in the document. */
  keys(): Iterable<string>;
  /** Takes a key's exact version from a row, where the document only knows the run. */
  refine(text: string, version: Version): void;
}

/** Moves a document as a whole: checkpoints hold it, and adoption merges it. */
export interface DocumentContent {
  /** Returns everything the document consists of, in chunks that {@link merge} takes. */
  chunks(): Iterable<Uint8Array>;
  /** Reads chunks in steps, as {@link prepare} does: the same list of them is then merged sooner. Throws `OPERATION_INVALID`. */
  prepareMerge(chunks: readonly Uint8Array[]): Generator<number, void, undefined>;
  /**
   * Takes in chunks of another node or of a checkpoint, checked unless trusted; of runs that began at `before` or
   * later only that they were there. Throws `OPERATION_INVALID`.
   */
  merge(chunks: readonly Uint8Array[], trusted: boolean, before?: number): void;
}

/** Begins with rows, and says what is to be carried over when a switch ends the document. */
export interface DocumentSwitching {
  /** Begins with rows that every node has alike; those whose part of the document is begun are passed over. */
  begin(rows: Iterable<BaseRow>): void;
  /**
   * Returns, of an origin whose changes wait for others, the sequence of the first operation that has no
   * effect yet.
   */
  waiting(): ReadonlyMap<string, number>;
  /** Returns, per origin, the first operation of its latest run that has an effect: a checkpoint may bring runs before they come. */
  applied(): ReadonlyMap<string, number>;
  /** Lists what some origins did since the document began, in the order in which it took effect. */
  effectsOf(isOwn: (origin: string) => boolean): OwnEffect[];
  /** Returns whether a value that a key had when the document began still stands, added to or not. */
  hasBase(text: string): boolean;
}

/** Says how much there is of it, so that one node begins it anew in time, and users can export it. */
export interface DocumentHistory {
  readonly operations: number;
  readonly bytes: number;
  /** Returns whether an origin wrote more of the history than any other. */
  isLargest(origin: string): boolean;
  /** Names the latest changes, in ascending order: equal on nodes that hold the same operations. */
  readonly heads: readonly string[];
  /** Returns the document in the official library's format. */
  export(): Uint8Array;
}

/** A document stands behind one table, from one switch of mode to the next: a port for each that asks something of it. */
export interface TableDocument {
  readonly writing: DocumentWriting;
  readonly folding: DocumentFolding;
  readonly reading: DocumentReading;
  readonly content: DocumentContent;
  readonly switching: DocumentSwitching;
  readonly history: DocumentHistory;
}
