/** Bounds on everything a Zeek cluster, or somebody who pretends to be one, can make this side hold. */
export interface ZeekLimits {
  /** Longest frame accepted or sent, in bytes of UTF-8. */
  readonly maxFrameBytes: number;
  /** Deepest nesting of JSON values. A table change without nested values needs 15. */
  readonly maxDepth: number;
  /** Most changes in one frame. `Cluster::publish_table` sends 10,000 unless told otherwise. */
  readonly maxChangesPerFrame: number;
  /** Longest topic, event name, identifier or node id, in UTF-16 units. */
  readonly maxNameLength: number;
  /** Bytes that may wait for a slow connection before `send` refuses. */
  readonly maxQueuedBytes: number;
  /** Bytes below which a full queue counts as drained. */
  readonly lowWaterBytes: number;
  /** Most topic prefixes in one subscription. */
  readonly maxTopics: number;
}

/** Holds where nothing else is said. */
const defaultZeekLimits: ZeekLimits = Object.freeze({
  maxFrameBytes: 16 * 1024 * 1024,
  maxDepth: 64,
  maxChangesPerFrame: 100_000,
  maxNameLength: 1024,
  maxQueuedBytes: 16 * 1024 * 1024,
  lowWaterBytes: 1024 * 1024,
  maxTopics: 1000,
});

/** Makes the defaults with the given members replaced. */
export function zeekLimits(given: Partial<ZeekLimits> = {}): ZeekLimits {
  return { ...defaultZeekLimits, ...given };
}
