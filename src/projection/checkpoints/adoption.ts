import { malformed } from '../../log/bytes/bytes.ts';
import type { Epoch } from '../../log/operations/epoch.ts';
import type { Origins } from '../../log/operations/origin.ts';
import { type Work, allAtOnce } from '../../work/slices.ts';
import type { VersionVector } from '../../log/operations/version-vector.ts';
import type { TableDocument } from '../../modes/conflict-mode.ts';
import type { CheckpointHeader } from './checkpoint-header.ts';
import type { CheckpointRows } from './checkpoint-format.ts';
import type { DecodedCheckpoint } from './checkpoint-reader.ts';
import { adoptDocument, loadDocument } from './document-adoption.ts';
import { loadRows } from './bulk-load.ts';
import { Learning, vectorOf } from './learning.ts';
import { MovingEntry } from '../switching/moving-entry.ts';
import type { WholeTable } from '../whole-table.ts';
import {
  type CheckpointEntry,
  SwitchAdoption,
  epochOrder,
  requireWithinReach,
} from '../switching/switching.ts';

/**
 * Visits the entries in order; returns their slots, which is what dictionaries refer to. A key that was
 * written or removed while the checkpoint was made may be named again: only its last entry is visited.
 */
function eachEntry(
  projection: WholeTable,
  origins: Origins,
  parts: readonly CheckpointRows[],
  visit: (entry: MovingEntry, index: number) => void,
): Int32Array {
  const { schema, rows } = projection;
  const slots = new Int32Array(parts.reduce((sum, part) => sum + part.texts.length, 0));
  let count = 0;
  for (const { texts } of parts) for (const text of texts) slots[count++] = rows.slotOf(text);
  const last = new Int32Array(rows.slots);
  for (let at = 0; at < count; at++) last[slots[at] as number] = at;
  const entry = new MovingEntry();
  const { dot } = entry;
  let index = -1;
  for (const part of parts) {
    const indexes = part.origins.map((text) => origins.intern(text));
    for (let at = 0; at < part.texts.length; at++) {
      entry.slot = slots[++index] as number;
      if (last[entry.slot] !== index) continue;
      const cell = part.cells[at];
      entry.removed = part.removed;
      entry.value = cell === undefined || schema.isSet ? undefined : schema.fromColumn(cell);
      dot.origin = indexes[part.originOf[at] as number] as number;
      dot.sequence = part.sequences[at] as number;
      dot.stamp = part.stamps[at] as number;
      entry.created = part.created[at] as number;
      visit(entry, index);
    }
  }
  return slots;
}

/** A part says how much of a checkpoint in the log is wanted. */
export interface CheckpointPart {
  /** So many of its first entries: nothing is read behind them then. */
  readonly entries: number;
  /** Wants what was written before this stamp. */
  readonly before: number;
}

/**
 * Puts a checkpoint of this node's own log in place, as it is or in part, telling nobody: at start, and on replay.
 * A row that was written too late is left out: what stood there before is not known any more.
 */
export function loadCheckpoint(
  projection: WholeTable,
  origins: Origins,
  checkpoint: DecodedCheckpoint,
  at: { readonly position: number; readonly part?: CheckpointPart | undefined },
): void {
  const { epoch } = checkpoint.header;
  const { entries, before } = at.part ?? EVERYTHING;
  const switches = epoch !== undefined && epochOrder(projection, epoch) > 0;
  if (switches) {
    projection.inForce.switchTo(epoch, vectorOf(origins, epoch.base), { before: beforeOf(origins, epoch) });
    for (const slot of projection.rows.removals()) projection.rows.forget(slot);
  }
  const bulk = at.part === undefined ? loadRows(projection, origins, checkpoint.rows) : undefined;
  const slots =
    bulk ??
    eachEntry(projection, origins, checkpoint.rows, (entry, index) => {
      if (index >= entries || entry.dot.stamp >= before) return;
      projection.times.observe(entry.dot);
      if (!switches && !takesEffect(projection, entry)) return;
      if (entry.removed) projection.effects.adoptRemoval(entry.slot, entry.dot, undefined);
      else projection.effects.adoptRow(entry.slot, entry, undefined);
    });
  if (entries < slots.length) return;
  loadDocument(projection, checkpoint.document, { begins: switches, before });
  for (const record of checkpoint.past)
    projection.inForce.past.recall(record, (text) => projection.authors.isOwn(origins.intern(text)));
  learnVersions(projection, origins, checkpoint.header, before);
  learn(projection, origins, { ...checkpoint, slots }, at.position);
  if (epoch !== undefined) projection.inForce.tookEffect(vectorOf(origins, epoch.base));
  // What is newer than the checkpoint is found behind it.
  for (const [origin, sequence] of projection.held.sequences.entries())
    projection.held.marks.note(origin, sequence + 1, at.position + 1);
}

const EVERYTHING: CheckpointPart = { entries: Infinity, before: Infinity };

/** Returns what was written before a switch, as a checkpoint says it. */
function beforeOf(
  origins: Origins,
  { before }: NonNullable<CheckpointHeader['epoch']>,
): VersionVector | undefined {
  return before === undefined ? undefined : vectorOf(origins, before);
}

/** Returns whether what a record says was not overruled by what this node wrote while the record was made. */
function takesEffect(
  { rows, versions, inForce: { mode } }: WholeTable,
  { slot, dot, removed }: CheckpointEntry,
): boolean {
  if (rows.origin(slot) === dot.origin && rows.sequence(slot) === dot.sequence) return true;
  return versions.accepts(slot, dot) && (mode.comparesVersions || !removed || !rows.has(slot));
}

/**
 * Takes in a checkpoint from after a switch of mode that this table has not made, or from before one
 * that it has, of which only counts what it has seen.
 */
export function adoptAcrossSwitch(
  projection: WholeTable,
  origins: Origins,
  checkpoint: DecodedCheckpoint,
  position: number,
): Adopted {
  const { header, rows } = checkpoint;
  const order = epochOrder(projection, header.epoch);
  for (const part of rows) for (const text of part.origins) origins.intern(text);
  const { epoch } = header;
  const switched =
    epoch === undefined || order < 0
      ? undefined
      : new SwitchAdoption(projection, origins, {
          epoch,
          base: vectorOf(origins, epoch.base),
          before: beforeOf(origins, epoch),
          position,
          document: checkedDocument(projection, epoch, checkpoint.document),
        });
  const slots = eachEntry(projection, origins, rows, (entry) => {
    if (switched === undefined) return;
    projection.times.observe(entry.dot);
    switched.take(entry);
  });
  switched?.finish();
  if (switched !== undefined) {
    switched.settle();
    learnVersions(projection, origins, header);
  }
  learn(projection, origins, { ...checkpoint, slots }, position);
  return { rows: switched?.rows ?? [], removed: switched?.removed ?? [], whole: false };
}

/** The document of another node, for a table that goes over to its mode. Throws `OPERATION_INVALID`. */
function checkedDocument(
  projection: WholeTable,
  epoch: Epoch,
  chunks: readonly Uint8Array[],
): TableDocument | undefined {
  const document = projection.inForce.documentFor(epoch);
  if (document === undefined && chunks.length > 0) throw malformed('a document in a mode without');
  document?.content.merge(chunks, false);
  return document;
}

/** Numbers of slots. */
type Slots = Iterable<number> & { readonly length: number };

/** Adopted says what taking over a checkpoint changed here. */
export interface Adopted {
  /** Slots that took a row from the checkpoint, then slots whose row went, in the order of the log. */
  readonly rows: Slots;
  readonly removed: Slots;
  /** Says whether the checkpoint changed the table in every entry, so that its bytes say all that happened. */
  readonly whole: boolean;
}

/**
 * Merges a checkpoint into a table with a document: documents are merged, and rows follow. What the checkpoint
 * knows and this node has not seen takes effect; what this node has and the checkpoint has seen but no longer has,
 * goes; everything else stays.
 */
export function adoptBehindDocument(
  projection: WholeTable,
  origins: Origins,
  checkpoint: DecodedCheckpoint,
  position: number,
): Adopted {
  const { header } = checkpoint;
  for (const part of checkpoint.rows) for (const text of part.origins) origins.intern(text);
  const adoption = adoptDocument(projection, checkpoint.document, position);
  const slots = eachEntry(projection, origins, checkpoint.rows, (entry) => {
    adoption.note(entry);
  });
  const adopted = adoption.finish(vectorOf(origins, header.vector));
  if (header.epoch !== undefined) projection.inForce.tookEffect(vectorOf(origins, header.epoch.base));
  learn(projection, origins, { ...checkpoint, slots }, position);
  // What is told in another order than the checkpoint's cannot be replayed from its bytes.
  const sameOrder = adopted.rows.every((slot, index) => slot === slots[index]);
  const everySlot = sameOrder && adopted.rows.length === slots.length && adopted.removed.length === 0;
  return { ...adopted, whole: everySlot && areRows(projection, origins, checkpoint.rows) };
}

/**
 * Returns whether the rows are those of a checkpoint: merged documents may show other writes than either did,
 * and other sums.
 */
function areRows(projection: WholeTable, origins: Origins, parts: readonly CheckpointRows[]): boolean {
  const { rows, schema } = projection;
  let same = true;
  eachEntry(projection, origins, parts, ({ slot, removed, value, dot }) => {
    same &&=
      !removed &&
      rows.origin(slot) === dot.origin &&
      rows.sequence(slot) === dot.sequence &&
      rows.stamp(slot) === dot.stamp &&
      (schema.column !== 'integer' || Object.is(rows.value(slot), value));
  });
  return same;
}

/** Refuses a checkpoint whose times are too far ahead, before any of it takes effect. Throws `CLOCK_AHEAD`. */
export function* checkTimes(
  projection: WholeTable,
  origins: Origins,
  { header, rows }: DecodedCheckpoint,
): Work {
  const { epoch, cleared } = header;
  const order = epochOrder(projection, epoch);
  if (order > 0 && epoch !== undefined) requireWithinReach(projection, epoch);
  const mode =
    order > 0 && epoch !== undefined ? projection.inForce.modeOf(epoch.mode) : projection.inForce.mode;
  // From behind an earlier switch nothing takes effect.
  if (order < 0 || !mode.comparesVersions) return;
  const before = order > 0 && epoch !== undefined ? beforeOf(origins, epoch) : projection.versions.before;
  for (const part of rows) {
    const named = part.origins.map((text) => (before === undefined ? 0 : origins.intern(text)));
    for (let at = 0; at < part.stamps.length; at++) {
      const origin = part.originOf[at] as number;
      if (before !== undefined && before.get(named[origin] as number) >= (part.sequences[at] as number))
        continue;
      projection.times.check(part.stamps[at] as number, {
        origin: part.origins[origin] as string,
        enters: false,
      });
    }
    yield 1 + part.stamps.length / 8;
  }
  if (cleared !== undefined) projection.times.check(cleared[2], { origin: cleared[0], enters: false });
}

/** Takes over the latest `clear`, if it was before a stamp, and the expiries that overtook their writes, telling nobody. */
function learnVersions(
  projection: WholeTable,
  origins: Origins,
  header: CheckpointHeader,
  before: number = Infinity,
): void {
  const { rows, versions, effects } = projection;
  if (header.cleared !== undefined && header.cleared[2] < before) {
    const [origin, sequence, stamp] = header.cleared;
    const dot = { origin: origins.intern(origin), sequence, stamp };
    projection.times.observe(dot);
    const gone = [...rows.live()].filter((slot) => versions.accepts(slot, dot));
    for (const slot of gone) effects.adoptRemoval(slot, dot, undefined);
    versions.noteCleared(dot);
  }
  for (const [text, origin, sequence] of header.expired ?? []) {
    const write = { text, origin: origins.intern(origin), sequence };
    const slot = rows.find(text);
    const standing = slot === undefined ? undefined : rows.dot(slot);
    if (slot !== undefined && standing?.origin === write.origin && standing.sequence === sequence) {
      effects.adoptRemoval(slot, standing, undefined);
    } else {
      versions.expireAhead(write);
    }
  }
}

function learn(
  projection: WholeTable,
  origins: Origins,
  checkpoint: DecodedCheckpoint & { readonly slots: Int32Array },
  position: number,
): void {
  const learning = new Learning(projection, origins, checkpoint.header);
  allAtOnce(learning.prepare(checkpoint, checkpoint.slots, projection.rows));
  learning.take(position);
}
