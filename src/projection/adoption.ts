import { malformed } from '../log/bytes.ts';
import { Dictionary } from '../log/dictionary.ts';
import type { Epoch } from '../log/epoch.ts';
import type { Origins } from '../log/origin.ts';
import { VersionVector } from '../log/version-vector.ts';
import type { TableDocument } from '../modes/conflict-mode.ts';
import type { Value } from '../schema/index.ts';
import type { CheckpointHeader } from './checkpoint-header.ts';
import type { CheckpointRows, DecodedCheckpoint } from './checkpoint.ts';
import { adoptDocument, loadDocument } from './document-adoption.ts';
import type { Live } from './effects.ts';
import { loadRows, loadedChanges } from './bulk-load.ts';
import type { Projection } from './projection.ts';
import { MovingDot } from './rows.ts';
import { type CheckpointEntry, SwitchAdoption, epochOrder } from './switching.ts';

const NOTHING = new VersionVector();

/** One row or removal of a checkpoint, in the terms of this node; moved on from entry to entry. */
class Entry implements CheckpointEntry {
  slot = 0;
  removed = false;
  value: Value;
  readonly dot: MovingDot = new MovingDot(0);
  created = 0;
}

/**
 * Visits the entries in order; returns their slots, which is what dictionaries refer to. A key that was
 * written or removed while the checkpoint was made may be named again: only its last entry is visited.
 */
function eachEntry(
  projection: Projection,
  origins: Origins,
  parts: readonly CheckpointRows[],
  visit: (entry: Entry) => void,
): Int32Array {
  const { schema, rows } = projection;
  const slots = new Int32Array(parts.reduce((sum, part) => sum + part.texts.length, 0));
  let count = 0;
  for (const { texts } of parts) for (const text of texts) slots[count++] = rows.slotOf(text);
  const last = new Int32Array(rows.slots);
  for (let at = 0; at < count; at++) last[slots[at] as number] = at;
  const entry = new Entry();
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
      visit(entry);
    }
  }
  return slots;
}

/** Puts a checkpoint of this node's own log in place, as it is, telling nobody: at start, and on replay. */
export function loadCheckpoint(
  projection: Projection,
  origins: Origins,
  checkpoint: DecodedCheckpoint,
  position: number,
): void {
  const { epoch } = checkpoint.header;
  const switches = epoch !== undefined && epochOrder(projection, epoch) > 0;
  if (switches) {
    projection.switchTo(epoch, vectorOf(origins, epoch.base));
    for (const slot of projection.rows.removals()) projection.rows.forget(slot);
  }
  const slots =
    loadRows(projection, origins, checkpoint.rows) ??
    eachEntry(projection, origins, checkpoint.rows, (entry) => {
      projection.observe(entry.dot.stamp);
      if (entry.removed) projection.effects.adoptRemoval(entry.slot, entry.dot, undefined);
      else projection.effects.adoptRow(entry.slot, entry, undefined);
    });
  loadDocument(projection, checkpoint.document, switches);
  for (const record of checkpoint.past)
    projection.past.recall(record, (text) => projection.isOwn(origins.intern(text)));
  learnVersions(projection, origins, checkpoint.header);
  learn(projection, origins, { ...checkpoint, slots }, position);
  if (epoch !== undefined) projection.tookEffect(vectorOf(origins, epoch.base));
  // What is newer than the checkpoint is found behind it.
  for (const [origin, sequence] of projection.held.entries())
    projection.marks.note(origin, sequence + 1, position + 1);
}

/**
 * Takes in a checkpoint from after a switch of mode that this table has not made, or from before one
 * that it has, of which only counts what it has seen; undefined when both stand behind the same switch.
 */
function adoptAcrossSwitch(
  projection: Projection,
  origins: Origins,
  checkpoint: DecodedCheckpoint,
  position: number,
): Adopted | undefined {
  const { header, rows } = checkpoint;
  const order = epochOrder(projection, header.epoch);
  if (order === 0) return undefined;
  for (const part of rows) for (const text of part.origins) origins.intern(text);
  const { epoch } = header;
  const switched =
    epoch === undefined || order < 0
      ? undefined
      : new SwitchAdoption(projection, origins, {
          epoch,
          base: vectorOf(origins, epoch.base),
          position,
          document: checkedDocument(projection, epoch, checkpoint.document),
        });
  const slots = eachEntry(projection, origins, rows, (entry) => {
    projection.observe(entry.dot.stamp);
    switched?.take(entry);
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
  projection: Projection,
  epoch: Epoch,
  chunks: readonly Uint8Array[],
): TableDocument | undefined {
  const document = projection.documentFor(epoch);
  if (document === undefined && chunks.length > 0) throw malformed('a document in a mode without');
  document?.merge(chunks, false);
  return document;
}

/** Numbers of slots. */
type Slots = Iterable<number> & { readonly length: number };

/** What taking over a checkpoint changed here. */
export interface Adopted {
  /** Slots that took a row from the checkpoint, then slots whose row went, in the order of the log. */
  readonly rows: Slots;
  readonly removed: Slots;
  /** Whether the checkpoint changed the table in every entry, so that its bytes say all that happened. */
  readonly whole: boolean;
}

/**
 * Merges another node's checkpoint into a table that may have rows of its own: what the checkpoint
 * knows and this node has not seen takes effect; what this node has and the checkpoint has seen but
 * no longer has, goes; everything else stays.
 */
export function adoptCheckpoint(
  projection: Projection,
  origins: Origins,
  checkpoint: DecodedCheckpoint,
  position: number,
): Adopted {
  checkTimes(projection, checkpoint);
  const across = adoptAcrossSwitch(projection, origins, checkpoint, position);
  if (across !== undefined) return across;
  if (projection.documents === undefined && checkpoint.document.length > 0)
    throw malformed('a document for a table without one');
  if (projection.documents !== undefined)
    return adoptBehindDocument(projection, origins, checkpoint, position);
  const fresh = adoptIntoUntouched(projection, origins, checkpoint, position);
  if (fresh !== undefined) return fresh;
  const held = projection.vector();
  const theirs = vectorOf(origins, checkpoint.header.vector);
  const contexts = new Map(
    checkpoint.header.contexts.map(([origin, seen]) => [origins.intern(origin), vectorOf(origins, seen)]),
  );
  const hadRows = projection.rows.size > 0;
  const named = new Set<number>();
  const taken: number[] = [];
  const removed: number[] = [];
  const { listening } = projection.reporter;
  const slots = eachEntry(projection, origins, checkpoint.rows, (entry) => {
    if (hadRows && !entry.removed) named.add(entry.slot);
    projection.observe(entry.dot.stamp);
    if (
      held.get(entry.dot.origin) >= entry.dot.sequence ||
      !projection.versions.accepts(entry.slot, entry.dot)
    )
      return;
    const live = listening
      ? {
          position: position + taken.length + removed.length,
          seen: contexts.get(entry.dot.origin) ?? NOTHING,
        }
      : undefined;
    if (entry.removed) {
      removed.push(entry.slot);
      projection.effects.adoptRemoval(entry.slot, entry.dot, live);
    } else {
      taken.push(entry.slot);
      projection.effects.adoptRow(entry.slot, entry, live);
    }
  });
  const whole = taken.length + removed.length === slots.length;
  const gone = hadRows ? goneRows(projection, named, theirs) : [];
  for (const slot of gone) {
    projection.effects.adoptRemoval(slot, projection.rows.dot(slot), {
      position: position + taken.length + removed.length,
      seen: theirs,
    });
    removed.push(slot);
  }
  const { epoch } = checkpoint.header;
  if (epoch !== undefined) projection.tookEffect(vectorOf(origins, epoch.base));
  const before = taken.length + removed.length;
  const cleared = learnVersions(projection, origins, checkpoint.header, (index) => {
    return { position: position + before + index, seen: theirs };
  });
  removed.push(...cleared);
  learn(projection, origins, { ...checkpoint, slots }, position);
  return { rows: taken, removed, whole: whole && gone.length === 0 && cleared.length === 0 };
}

/** The short way for a table that has held nothing yet; undefined when it is not open. */
function adoptIntoUntouched(
  projection: Projection,
  origins: Origins,
  checkpoint: DecodedCheckpoint,
  position: number,
): Adopted | undefined {
  const { reporter } = projection;
  const { header, rows: parts } = checkpoint;
  if (projection.vector().size > 0 || (reporter.listening && !reporter.brief)) return undefined;
  if (header.cleared !== undefined || (header.expired ?? []).length > 0) return undefined;
  const slots = loadRows(projection, origins, parts);
  if (slots === undefined) return undefined;
  if (reporter.listening) reporter.wroteAll(loadedChanges(projection, origins, { parts, position }));
  if (header.epoch !== undefined) projection.tookEffect(vectorOf(origins, header.epoch.base));
  learn(projection, origins, { ...checkpoint, slots }, position);
  const removed = slots.filter((slot) => !projection.rows.has(slot));
  const rows = removed.length === 0 ? slots : slots.filter((slot) => projection.rows.has(slot));
  return { rows, removed, whole: true };
}

/** In a mode with documents, documents are merged, and rows follow. */
function adoptBehindDocument(
  projection: Projection,
  origins: Origins,
  checkpoint: DecodedCheckpoint,
  position: number,
): Adopted {
  const { header } = checkpoint;
  for (const part of checkpoint.rows) for (const text of part.origins) origins.intern(text);
  const adoption = adoptDocument(projection, checkpoint.document, position);
  const slots = eachEntry(projection, origins, checkpoint.rows, (entry) => {
    projection.observe(entry.dot.stamp);
    adoption.note(entry);
  });
  const adopted = adoption.finish(vectorOf(origins, header.vector));
  if (header.epoch !== undefined) projection.tookEffect(vectorOf(origins, header.epoch.base));
  learn(projection, origins, { ...checkpoint, slots }, position);
  // What is told in another order than the checkpoint's cannot be replayed from its bytes.
  const sameOrder = adopted.rows.every((slot, index) => slot === slots[index]);
  const everySlot = sameOrder && adopted.rows.length === slots.length && adopted.removed.length === 0;
  return { ...adopted, whole: everySlot && areRows(projection, origins, checkpoint.rows) };
}

/** Whether the rows are those of a checkpoint: merged documents may show other writes than either did, and other sums. */
function areRows(projection: Projection, origins: Origins, parts: readonly CheckpointRows[]): boolean {
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

/** Refuses a checkpoint whose times are too far ahead, before any of it takes effect. */
function checkTimes(projection: Projection, checkpoint: DecodedCheckpoint): void {
  const { epoch } = checkpoint.header;
  const mode = epoch === undefined ? projection.mode : projection.modeOf(epoch.mode);
  if (!mode.comparesVersions) return;
  for (const { stamps, origins, originOf } of checkpoint.rows) {
    for (let at = 0; at < stamps.length; at++)
      projection.checkTime(stamps[at] as number, origins[originOf[at] as number] as string);
  }
  const { cleared } = checkpoint.header;
  if (cleared !== undefined) projection.checkTime(cleared[2], cleared[0]);
}

/** Takes over the latest `clear` and the expiries that overtook their writes; returns slots whose row went. */
function learnVersions(
  projection: Projection,
  origins: Origins,
  header: CheckpointHeader,
  live?: (index: number) => Live,
): number[] {
  const { rows, versions } = projection;
  const gone: number[] = [];
  if (header.cleared !== undefined) {
    const [origin, sequence, stamp] = header.cleared;
    const dot = { origin: origins.intern(origin), sequence, stamp };
    projection.observe(stamp);
    for (const slot of rows.live()) if (projection.versions.accepts(slot, dot)) gone.push(slot);
    for (const [index, slot] of gone.entries()) projection.effects.adoptRemoval(slot, dot, live?.(index));
    versions.noteCleared(dot);
  }
  for (const [text, origin, sequence] of header.expired ?? []) {
    const write = { text, origin: origins.intern(origin), sequence };
    const slot = rows.find(text);
    const standing = slot === undefined ? undefined : rows.dot(slot);
    if (slot !== undefined && standing?.origin === write.origin && standing.sequence === sequence) {
      projection.effects.adoptRemoval(slot, standing, live?.(gone.length));
      gone.push(slot);
    } else {
      versions.expireAhead(write);
    }
  }
  return gone;
}

/** Rows whose write the checkpoint has seen and which it no longer has. */
function goneRows(projection: Projection, named: ReadonlySet<number>, theirs: VersionVector): number[] {
  const { rows } = projection;
  return Array.from(rows.live()).filter(
    (slot) => !named.has(slot) && theirs.get(rows.origin(slot)) >= rows.sequence(slot),
  );
}

function vectorOf(origins: Origins, pairs: CheckpointHeader['vector']): VersionVector {
  const vector = new VersionVector();
  for (const [origin, sequence] of pairs) vector.advance(origins.intern(origin), sequence);
  return vector;
}

function learn(
  projection: Projection,
  origins: Origins,
  checkpoint: DecodedCheckpoint & { readonly slots: Int32Array },
  position: number,
): void {
  const { header, slots } = checkpoint;
  const theirs = vectorOf(origins, header.vector);
  const held = projection.vector();
  for (const [index, entry] of header.dictionaries.entries()) {
    const origin = origins.intern(entry.origin);
    if (theirs.get(origin) <= held.get(origin) || origin === projection.own) continue;
    const dictionary = new Dictionary(entry.chapter);
    dictionary.starts.push(...(projection.dictionaries.get(origin)?.starts ?? []));
    dictionary.beginChapter(entry.chapter, position);
    for (const text of entry.origins) dictionary.origins.push(origins.intern(text));
    for (const key of checkpoint.keys[index] ?? []) {
      dictionary.addKey(typeof key === 'number' ? (slots[key] as number) : projection.rows.slotOf(key));
    }
    projection.dictionaries.set(origin, dictionary);
  }
  for (const [nodeId, epoch] of header.forgotten ?? []) projection.lives.remember(nodeId, epoch);
  for (const [origin, seen] of header.contexts)
    projection.contextOf(origins.intern(origin)).merge(vectorOf(origins, seen));
  for (const [origin, sequence] of theirs.entries()) {
    if (held.get(origin) === 0 && !projection.lives.isForgotten(origin)) projection.beginLife(origin);
    if (sequence > held.get(origin)) {
      projection.noteSeen(origin);
      projection.marks.note(origin, held.get(origin) + 1, position);
    }
    held.advance(origin, sequence);
  }
}
