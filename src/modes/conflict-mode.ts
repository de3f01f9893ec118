/** What a conflict mode may know of a write: nothing but its name and its time. */
export interface Version {
  /** Hybrid logical time of the write, in 1/1024 ms since 1970. */
  stamp: number;
  /** `nodeId@epoch` of its author. */
  origin: string;
  sequence: number;
}

/**
 * The conflict-mode port: decides what an operation does to a row that somebody else may have
 * written meanwhile. An implementation is pure and deterministic: no clock, no I/O, no randomness.
 *
 * Duplicates and gaps are the log's business; checking keys and values is the schema's.
 */
export interface ConflictMode {
  readonly name: 'naive' | 'lww' | 'automerge';
  /** Whether replicas that hold the same operations hold the same rows, whatever the order of arrival. */
  readonly convergent: boolean;
  /**
   * Whether versions decide at all. When false, {@link supersedes} is never asked and every
   * operation takes effect on arrival.
   */
  readonly comparesVersions: boolean;
  /** Whether `incoming` takes effect on a key whose latest write or removal is `present`. */
  supersedes(incoming: Version, present: Version): boolean;
}
