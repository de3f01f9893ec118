/**
 * The carrier port: a shared memory of messages, limited in length, that many nodes append to and read. It is no
 * node's log: what it turns out to lack, nodes append again.
 */

/** A subject says what messages are about, as tokens of 1 to 128 characters each; the last one under each is found at once. */
export type Subject = readonly string[];

/**
 * Headers are short texts beside the bytes of a message: printable ASCII that neither begins nor ends with a space, at
 * most 4 KiB together with their names. A name begins with `Tablecast-`.
 */
export type Headers = Readonly<Record<string, string>>;

/** A head says what stands at a place in a carrier's memory, without its bytes. */
export interface CarriedHead {
  /** Says where it stands: 1 or more, and more than that of everything appended before. */
  readonly place: number;
  readonly subject: Subject;
  readonly headers: Headers;
}

/** A message as it stands in a carrier's memory. */
export interface Carried extends CarriedHead {
  readonly bytes: Uint8Array;
}

/** A message that is to be appended. */
export interface Appended {
  readonly subject: Subject;
  readonly headers: Headers;
  /** At most {@link CarrierLink.maxMessageBytes}. */
  readonly bytes: Uint8Array;
  /** Is the place of the last message under the subject; 0 for none. */
  readonly after: number;
  /** Names this attempt and its repetitions: a carrier that knows the name appends nothing. */
  readonly id: string;
}

/** A note is said to who listens, and kept nowhere. */
export interface Note {
  /** Names who says it, as a token of a subject. */
  readonly by: string;
  /** Names who is to hear it; undefined: everybody, who says it included. */
  readonly to: string | undefined;
  /** At most {@link CarrierLink.maxMessageBytes}. */
  readonly bytes: Uint8Array;
}

/**
 * A link is one connection to a carrier. Every implementation gives these guarantees (`carrierSuite` in
 * `tablecast/testing`):
 *
 * - `append` resolves once the message stands in the memory; of two after the same one, one is refused.
 * - `read` gives every message from a place on, in ascending order, each at least once, and then live ones.
 * - Messages may leave the memory from its beginning; what is read then begins later.
 * - A note comes at most once, to who listens when it is said, and after those that were said before over its link.
 * - After the end of a link every call rejects.
 */
export interface CarrierLink {
  /** Names the memory: another one when it was made anew. */
  readonly identity: string;
  /** Bounds the bytes of a message beside its headers, and of what is kept; at least 1,024. */
  readonly maxMessageBytes: number;
  /** Is the place of the last message when the link was opened; 0 in an empty memory. */
  readonly newest: number;
  /** Resolves when the link is over, with why; never rejects. */
  readonly ended: Promise<string>;
  /** Resolves once the carrier answered. */
  answers(): Promise<void>;
  /**
   * Gives the last message under every subject, without its bytes, in ascending order. Whether it heeds what was
   * appended since the link was opened is open.
   */
  latest(): AsyncIterable<CarriedHead>;
  /** Returns the last message under a subject. */
  last(subject: Subject): Promise<Carried | undefined>;
  /**
   * Appends a message; resolves with its place, with undefined when the last message under its subject is another than
   * it says. Rejects with `PEER_REFUSED` when nothing is taken: no room, no right.
   */
  append(message: Appended): Promise<number | undefined>;
  /** Reads from a place on until the signal; what is not asked for waits at the carrier. */
  read(from: number, signal: AbortSignal): AsyncIterable<Carried>;
  /** Keeps bytes beside the messages, behind those kept before under the same name. */
  keep(name: string, bytes: Uint8Array): Promise<void>;
  /** Gives what was kept under a name, in order. */
  kept(name: string): AsyncIterable<Uint8Array>;
  /** Forgets what was kept under a name. */
  forget(name: string): Promise<void>;
  /** Lets messages go, up to a place, whose subject begins with these tokens and has more after them. */
  trim(subject: Subject, place: number): Promise<void>;
  /** Lets the messages under a subject go that stand before its last one. */
  thin(subject: Subject): Promise<void>;
  /** Says a note. Whether anybody hears it is not known. */
  tell(note: Note): Promise<void>;
  /**
   * Gives notes to everybody and to a name from now on, until the signal. Resolves once it listens; rejects with
   * `PEER_REFUSED` where this node may not.
   */
  hear(name: string, signal: AbortSignal): Promise<AsyncIterable<Note>>;
  /** Ends the link. Idempotent. */
  close(): void;
}

/** A carrier is what links are opened to. */
export interface Carrier {
  /** Says which one it is, for people; no secret. */
  readonly name: string;
  /** Opens a link. Rejects with `PEER_UNREACHABLE`, or `PEER_REFUSED` when it will not have this node. */
  open(signal: AbortSignal): Promise<CarrierLink>;
  /** Ends every link. Idempotent. */
  close(): Promise<void>;
}
