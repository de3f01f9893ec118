import type { OperationLog } from '../../log/keeping/operation-log.ts';
import { TablecastError } from '../../errors.ts';
import { type Origins, parseOrigin } from '../../log/operations/origin.ts';
import { encodeAdoption } from '../../log/runs/segment.ts';
import type { Stretches } from '../../log/operations/session-marks.ts';
import { SLICE_UNITS, type Slicing, type Work, allAtOnce } from '../../work/slices.ts';
import { adoptAcrossSwitch, adoptBehindDocument, checkTimes } from './adoption.ts';
import { type WayIn, wayIn } from './way-in.ts';
import type { CheckpointHeader } from './checkpoint-header.ts';
import type { CheckpointRows } from './checkpoint-format.ts';
import { type DecodedCheckpoint, checkpointOf } from './checkpoint-reader.ts';
import { checkpointChunks } from './checkpoint-writer.ts';
import type { Dispatcher } from '../telling/dispatcher.ts';
import { GradualAdoption } from './gradual-adoption.ts';
import { ownLifeIn, ownOperation } from '../folding/own-operation.ts';
import type { WholeTable } from '../whole-table.ts';

/** Most lives a table holds after a checkpoint: twice what operations bring, so that two nodes at their limit still meet. */
const MAX_ADOPTED_LIVES = 16_384;
/** A checkpoint that has to begin anew so many times is then taken over in one go. */
const MOST_ROUNDS = 16;

/** The parts are what a node is, as far as its tables take checkpoints over. */
export interface AdopterParts {
  readonly log: OperationLog;
  readonly origins: Origins;
  readonly dispatcher: Dispatcher;
  /** Says how long work is cut. */
  readonly slicing: Slicing;
  /**
   * A peer has more of what this node wrote in its present life than this node. `sound`: it goes on in a new one;
   * `forked`: it wrote others under the same names; `claimed`: that cannot be.
   */
  known(projection: WholeTable): 'sound' | 'forked' | 'claimed';
}

/** Adopted says what taking over a checkpoint did. */
interface Adopted {
  /** Counts the rows that changed. */
  readonly rows: number;
  /** Says whether it brought a switch of mode. */
  readonly switched: boolean;
}

/** A checkpoint, and how often it was begun. */
interface Round {
  readonly checkpoint: DecodedCheckpoint;
  readonly chunks: readonly Uint8Array[];
  readonly round: number;
}

/** Takes checkpoints of other nodes over: into rows, dictionaries and this node's log. */
export class Adopter {
  readonly #parts: AdopterParts;

  constructor(parts: AdopterParts) {
    this.#parts = parts;
  }

  /**
   * Merges a checkpoint into a table; `seen` is told what its node holds before it takes effect, and leaves it out
   * by returning false; `parted` names a life of this node of which it holds others. Nothing may be received until it is done. Throws `OPERATION_INVALID`, `CLOCK_AHEAD` or
   * `LIMIT_EXCEEDED`, and has changed nothing then.
   */
  *adopt(
    projection: WholeTable,
    chunks: readonly Uint8Array[],
    seen: (held: CheckpointHeader['vector'], written: readonly Stretches[]) => boolean,
  ): Work<Adopted | { readonly parted: string } | undefined> {
    const { log, origins } = this.#parts;
    log.requireRoom(projection.store);
    const checkpoint = yield* checkpointOf(chunks, projection.schema, false);
    const { vector, written = [] } = checkpoint.header;
    if (!seen(vector, written)) return undefined;
    for (const [origin, sequence] of vector) requireKnown(projection, origins, { origin, sequence });
    yield* claimNames(projection, checkpoint);
    const release = projection.keepSlots();
    try {
      for (let round = 1; ; round++) {
        try {
          const adopted = yield* this.#tryAdopt(projection, { checkpoint, chunks, round });
          if (adopted !== undefined) return adopted;
        } catch (error) {
          // Rows may be newer than the vector says, so that the peer could not tell before what it has.
          const life = ownLifeIn(error);
          const judged = life === undefined ? 'claimed' : this.#parts.known(projection);
          if (judged === 'claimed') throw error;
          if (judged === 'forked') return { parted: life as string };
        }
      }
    } finally {
      release();
    }
  }

  /** Undefined when something happened meanwhile after which it has to begin anew. */
  *#tryAdopt(projection: WholeTable, of: Round): Work<Adopted | undefined> {
    const { checkpoint } = of;
    yield* checkTimes(projection, this.#parts.origins, checkpoint);
    yield* requireOwnKnown(projection, this.#parts.origins, checkpoint);
    if (wayIn(projection, checkpoint) === 'gradual') {
      const rows = yield* this.#adoptGradually(projection, of);
      return rows === undefined ? undefined : { rows, switched: false };
    }
    yield* readDocument(projection, checkpoint);
    // A local switch meanwhile leads another way.
    const way = wayIn(projection, checkpoint);
    return way === 'gradual' ? undefined : this.#adoptAtOnce(projection, checkpoint, way);
  }

  /** Undefined when something happened meanwhile after which it has to begin anew. */
  *#adoptGradually(projection: WholeTable, of: Round): Work<number | undefined> {
    const { log, dispatcher, origins } = this.#parts;
    log.seal();
    const adoption = new GradualAdoption(projection, origins, of.checkpoint);
    try {
      const preparing = adoption.prepare(of.chunks);
      // A table that is cleared or switched all the time is not waited for without end.
      if (of.round >= MOST_ROUNDS) allAtOnce(preparing);
      else yield* preparing;
      const telling = dispatcher.holding(() => this.#take(projection, adoption));
      if (telling === undefined) return undefined;
      projection.inForce.carryOver();
      yield* adoption.noteDeadlines();
      // Slots keep their numbers, and peers wait, until everybody knows.
      while (!telling.done) yield SLICE_UNITS;
      return adoption.count;
    } finally {
      adoption.end();
    }
  }

  /** Lets what was prepared take effect, and begins to tell of it; undefined when it has to begin anew. */
  #take(projection: WholeTable, adoption: GradualAdoption): { readonly done: boolean } | undefined {
    const { log, dispatcher, slicing } = this.#parts;
    log.seal();
    const position = log.position + 1;
    if (!adoption.take(position)) return undefined;
    log.appendRecord(projection.store, adoption.record, {
      table: projection.schema.name,
      position,
      span: Math.max(1, adoption.count),
    });
    const telling = { done: false };
    const steps = inTheEnd(adoption.tell(position), () => (telling.done = true));
    dispatcher.emitGradually(steps, slicing);
    return telling;
  }

  #adoptAtOnce(
    projection: WholeTable,
    checkpoint: DecodedCheckpoint,
    way: Exclude<WayIn, 'gradual'>,
  ): Adopted {
    const { log, dispatcher, origins } = this.#parts;
    const { epoch } = projection.inForce;
    dispatcher.hold();
    try {
      log.seal();
      const position = log.position + 1;
      const adopt = way === 'across-switch' ? adoptAcrossSwitch : adoptBehindDocument;
      const adopted = adopt(projection, origins, checkpoint, position);
      const count = adopted.rows.length + adopted.removed.length;
      if (count > 0) projection.revision++;
      const content = adopted.whole ? checkpoint.chunks : checkpointChunks(projection, origins, adopted);
      const { name: table } = projection.schema;
      log.appendRecord(projection.store, allAtOnce(encodeAdoption(table, [...content])), {
        table,
        position,
        span: Math.max(1, count),
      });
      const switched = projection.inForce.epoch !== epoch;
      projection.inForce.carryOver();
      return { rows: count, switched };
    } finally {
      dispatcher.release();
    }
  }
}

/** Reads the changes of a checkpoint, so that they can be merged sooner. */
function* readDocument(projection: WholeTable, { header, document }: DecodedCheckpoint): Work {
  const { epoch } = header;
  const reader =
    epoch === undefined ? projection.inForce.documents?.document : projection.inForce.documentFor(epoch);
  if (reader !== undefined) yield* reader.content.prepareMerge(document);
}

function* inTheEnd(steps: Iterable<unknown>, done: () => void): Generator<unknown, void, undefined> {
  yield* steps;
  done();
}

/** Refuses what claims more of what this node writes than it wrote: its next operations would count as held. */
function requireKnown(
  { schema, authors, held }: WholeTable,
  origins: Origins,
  { origin, sequence }: { readonly origin: string; readonly sequence: number },
): void {
  const index = origins.find(origin);
  if (index === undefined || !authors.writes(index) || sequence <= held.vector().get(index)) return;
  throw ownOperation({ table: schema.name, origin, firstSequence: sequence });
}

/** The same for rows. */
function* requireOwnKnown(projection: WholeTable, origins: Origins, { rows }: DecodedCheckpoint): Work {
  for (const part of rows) {
    const largest = largestOf(part);
    for (const [index, origin] of part.origins.entries())
      requireKnown(projection, origins, { origin, sequence: largest[index] as number });
    yield 1 + part.originOf.length / 16 + part.origins.length;
  }
}

/**
 * Charges the names in a checkpoint that nobody has named before to the node that is said to have spoken of them.
 * Throws `LIMIT_EXCEEDED` for too many, and for one that would leave too many lives in the table.
 */
function* claimNames(
  { schema, held: { claims, sequences: held } }: WholeTable,
  { header, rows }: DecodedCheckpoint,
): Work {
  const named = new Map<string, string>();
  const name = (text: string, author: string): void => {
    if (claims.unknown([text]) > 0 && !named.has(text)) named.set(text, author);
  };
  for (const [origin, seen] of header.contexts) {
    for (const [text] of seen) name(text, origin);
    yield 1 + seen.length / 4;
  }
  for (const { origin, origins } of header.dictionaries) for (const text of origins) name(text, origin);
  for (const { origins } of rows) for (const text of origins) name(text, text);
  let lives = held.size;
  for (const [text] of header.vector) {
    lives += claims.unknown([text]);
    named.delete(text);
  }
  if (lives > MAX_ADOPTED_LIVES) throw tooManyLives(schema.name);
  const ofAuthor = new Map<string, number>();
  for (const author of named.values()) ofAuthor.set(author, (ofAuthor.get(author) ?? 0) + 1);
  for (const [author, count] of ofAuthor) claims.require(parseOrigin(author).nodeId, count);
  for (const [text, author] of named) claims.intern(text, parseOrigin(author).nodeId);
}

function tooManyLives(table: string): TablecastError {
  return new TablecastError(
    'LIMIT_EXCEEDED',
    `A checkpoint would leave more than ${MAX_ADOPTED_LIVES} lives in table ${table}.`,
    {
      hint: 'Give nodes ids that come back: every life that ever wrote a table is remembered.',
      details: { table, limit: MAX_ADOPTED_LIVES },
    },
  );
}

/** The largest sequence of each of a part's origins. */
function largestOf({ origins, originOf, sequences }: CheckpointRows): Float64Array {
  const largest = new Float64Array(origins.length);
  for (let index = 0; index < originOf.length; index++) {
    const origin = originOf[index] as number;
    const sequence = sequences[index] as number;
    if (sequence > (largest[origin] as number)) largest[origin] = sequence;
  }
  return largest;
}
