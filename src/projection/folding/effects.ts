import { CLEAR, DELETE, EXPIRE, SET, TOUCH } from '../../log/operations/operation.ts';
import type { Origins } from '../../log/operations/origin.ts';
import { VersionVector } from '../../log/operations/version-vector.ts';
import type { Value } from '../../schema/index.ts';
import type { ChangeKind, OperationFacts } from '../telling/change.ts';
import type { Deadlines } from '../times/deadlines.ts';
import type { TableState } from '../table-state.ts';
import type { Reporter } from '../telling/reporter.ts';
import type { RowLives } from '../times/row-lives.ts';
import type { Dot } from '../rows/dot.ts';
import type { Rows } from '../rows/rows.ts';
import type { WriteWatch } from '../rows/undo.ts';
import type { Versions } from '../rows/versions.ts';

/** Live says where an operation stands that subscribers are told of, and what its author had seen. */
export interface Live {
  readonly position: number;
  readonly seen: VersionVector;
}

/** The context is what is known of a write of another node, or of the log. */
interface WriteContext {
  /** Undefined when nobody is told. */
  readonly live: Live | undefined;
  /** Knows the lives of rows, in tables whose rows expire by creation. */
  readonly lives: RowLives | undefined;
}

/** The effects are what single operations do to the rows of one table, by the rules of its mode, and who is told. */
export class Effects {
  readonly rows: Rows;
  readonly reporter: Reporter;
  readonly versions: Versions;
  readonly #table: TableState;
  readonly #origins: Origins;
  deadlines: Deadlines | undefined;
  /** Is told what operations of this node are about to change, while a batch or an adoption wants to know. */
  watch: WriteWatch | undefined;

  constructor(table: TableState, origins: Origins) {
    this.rows = table.rows;
    this.reporter = table.reporter;
    this.versions = table.versions;
    this.#table = table;
    this.#origins = origins;
  }

  /** Tells of an operation that a switch of mode passed over; its author writes it again if it still stands there. */
  passOver(kind: number, dot: Dot, live: Live, on: { slot: number; value: Value }): void {
    const { reporter, versions, rows } = this;
    const facts = reporter.facts(live.position, kind, dot, on);
    reporter.operation(facts);
    if (kind !== SET || !reporter.conflicts.observed) return;
    const author = this.#origins.intern(this.#table.inForce.epoch.origin);
    const by =
      rows.sequence(on.slot) > 0
        ? versions.standing(on.slot)
        : { origin: author, sequence: this.#table.inForce.effective().get(author), stamp: 0 };
    reporter.overruled(on.slot, facts, { dot: by, seen: new VersionVector() });
  }

  /** Takes in a write of another node, or of the log. */
  write(slot: number, value: Value, dot: Dot, on: WriteContext): void {
    const { rows, reporter } = this;
    const { live, lives } = on;
    if (this.versions.takeExpired(dot)) return this.#writeExpired(slot, value, dot, live);
    const takesEffect = this.accepts(slot, dot);
    const tookOver = this.#tookOver(slot, dot);
    if (live === undefined) {
      if (takesEffect && !tookOver) this.#put(slot, value, dot, lives);
      return;
    }
    const facts = reporter.facts(live.position, SET, dot, { slot, value });
    reporter.operation(facts);
    if (tookOver) return;
    const present = rows.has(slot);
    const previous = rows.value(slot);
    if (!takesEffect) return this.#overruled(slot, facts);
    this.#reportUnseen(slot, facts, live);
    this.#put(slot, value, dot, lives);
    reporter.change(present ? 'changed' : 'new', slot, previous, facts);
  }

  #put(slot: number, value: Value, dot: Dot, lives: RowLives | undefined): void {
    const { rows } = this;
    if (lives === undefined) rows.put(slot, value, dot);
    else {
      const beginsAnew = rows.has(slot) && lives.beginsAnew(slot);
      const missed = lives.missed(slot) ?? (beginsAnew ? lives.rival(slot) : undefined);
      rows.put(slot, value, dot);
      if (beginsAnew) rows.beginnings?.set(slot, dot);
      if (missed !== undefined) rows.beginnings?.miss(slot, missed);
    }
    this.deadlines?.note(slot);
  }

  #reportUnseen(slot: number, facts: OperationFacts, { seen }: Live): void {
    const { reporter, versions } = this;
    if (reporter.conflicts.observed) reporter.unseen(slot, facts, { seen, clear: versions.latestClear });
  }

  /** A write whose expiry came before it: it replaces what was there, and is over. */
  #writeExpired(slot: number, value: Value, dot: Dot, live: Live | undefined): void {
    const { rows, reporter } = this;
    const previous = rows.has(slot) ? { value: rows.value(slot) } : undefined;
    const takesEffect = this.accepts(slot, dot);
    if (live === undefined) {
      if (takesEffect) rows.remove(slot, dot);
      return;
    }
    const facts = reporter.facts(live.position, SET, dot, { slot, value });
    reporter.operation(facts);
    if (!takesEffect) return this.#overruled(slot, facts);
    this.#reportUnseen(slot, facts, live);
    rows.remove(slot, dot);
    if (previous !== undefined)
      reporter.change('expired', slot, previous.value, { ...facts, value: undefined });
  }

  /**
   * Returns whether the row came with a checkpoint from an operation of the same author that is not older:
   * the checkpoint was ahead of its own vector, and what it told must not be told again. Nor must it be put again,
   * by a replay neither: its time may be over.
   */
  #tookOver(slot: number, dot: Dot): boolean {
    return this.rows.origin(slot) === dot.origin && this.rows.sequence(slot) >= dot.sequence;
  }

  /**
   * Returns whether what removed a key (`present`, or the latest `clear`) stays known as that although a
   * removal comes whose author had not seen it: a write of that author may come behind, and what it replaces
   * is to be told.
   */
  #staysKnown(present: Dot, { origin }: Dot, seen: VersionVector): boolean {
    if (this.versions.mode.comparesVersions || present.origin === origin) return false;
    return seen.get(present.origin) < present.sequence && !this.#table.held.lives.isForgotten(present.origin);
  }

  /** Takes in a removal; `seen` is what its author had seen. */
  remove(slot: number, dot: Dot, seen: VersionVector, live: Live | undefined): void {
    const stays = !this.rows.has(slot) && this.#staysKnown(this.rows.dot(slot), dot, seen);
    if (stays || this.#tookOver(slot, dot)) {
      if (live === undefined) return;
      this.reporter.operation(this.reporter.facts(live.position, DELETE, dot, { slot, value: undefined }));
      return;
    }
    if (live !== undefined && this.rows.has(slot)) {
      const facts = this.reporter.facts(live.position, DELETE, dot, { slot, value: undefined });
      if (this.accepts(slot, dot)) this.reporter.unseen(slot, facts, live);
      else this.#overruled(slot, facts);
    }
    this.takeAway(
      'removed',
      slot,
      dot,
      live === undefined ? undefined : { kind: DELETE, position: live.position },
    );
  }

  /** Takes in the expiry of a write. */
  expireWrite(
    slot: number,
    dot: Dot,
    live: Live | undefined,
    write: { readonly origin: number; readonly sequence: number },
  ): void {
    const { rows, reporter } = this;
    const at = live === undefined ? undefined : { kind: EXPIRE, position: live.position };
    if (rows.has(slot) && rows.origin(slot) === write.origin && rows.sequence(slot) === write.sequence) {
      this.takeAway('expired', slot, dot, at);
      return;
    }
    // Where the row of that write stood, none may stand now.
    if (rows.has(slot)) rows.beginnings?.miss(slot, dot);
    if (
      write.origin !== dot.origin &&
      this.#table.held.sequences.get(write.origin) < write.sequence &&
      !this.#table.authors.writes(write.origin)
    )
      this.versions.expireAhead({ text: rows.text(slot), ...write });
    if (at !== undefined)
      reporter.operation(reporter.facts(at.position, EXPIRE, dot, { slot, value: undefined }));
  }

  /** Takes in a touch: the row keeps its value and its version, and lives longer. Of a row that is not here nothing is told. */
  touch(slot: number, dot: Dot, live: Pick<Live, 'position'> | undefined): void {
    const { rows, reporter } = this;
    if (rows.touches?.note(slot, dot.stamp) === true && rows.has(slot)) this.deadlines?.note(slot);
    if (live !== undefined && reporter.wanted)
      reporter.operation(reporter.facts(live.position, TOUCH, dot, { slot, value: undefined }));
  }

  #overruled(slot: number, facts: OperationFacts): void {
    // Where versions do not decide, only what was overtaken takes no effect: what stands had seen it.
    if (!this.reporter.conflicts.observed || !this.versions.mode.comparesVersions) return;
    const dot = this.versions.standing(slot);
    this.reporter.overruled(slot, facts, { dot, seen: this.#table.held.contextOf(dot.origin) });
  }

  /** Returns whether a version takes effect on what a slot holds. */
  accepts(slot: number, dot: Dot): boolean {
    return this.versions.accepts(slot, dot);
  }

  /** Takes a row away, if the operation takes effect; tells of it when `at` says where it stands. */
  takeAway(
    change: ChangeKind,
    slot: number,
    dot: Dot,
    at: { readonly kind: number; readonly position: number } | undefined,
  ): void {
    const { rows, reporter } = this;
    this.watch?.remember(slot);
    const present = rows.has(slot);
    const previous = rows.value(slot);
    const expired = change === 'expired';
    const takesEffect = expired || this.accepts(slot, dot);
    // An expired row leaves no later version behind than the write that expired: nobody took it away.
    const by = expired ? rows.dot(slot) : dot;
    if (takesEffect) rows.remove(slot, by);
    // Who had seen the removal may write the key anew without having seen this row.
    else if (present) rows.beginnings?.forgetFirst(slot, rows.dot(slot));
    if (at === undefined || !reporter.wanted) return;
    const facts = reporter.facts(at.position, at.kind, dot, { slot, value: undefined });
    if (present && takesEffect) reporter.effect(change, slot, previous, facts);
    else reporter.operation(facts);
  }

  /** Takes away every row that a `clear` beats; `seen` is what its author had seen. */
  clearRows(dot: Dot, seen: VersionVector, live: Live | undefined): void {
    const { rows, reporter, versions } = this;
    const facts = live === undefined ? undefined : reporter.facts(live.position, CLEAR, dot);
    // A subscriber that writes must not find the table half cleared.
    reporter.hold();
    if (facts !== undefined) reporter.operation(facts);
    for (const slot of Array.from(rows.live())) {
      if (!this.accepts(slot, dot)) {
        rows.beginnings?.forgetFirst(slot, rows.dot(slot));
        continue;
      }
      this.watch?.remember(slot);
      const previous = rows.value(slot);
      if (facts !== undefined && live !== undefined && dot.origin !== this.#table.authors.own)
        reporter.unseen(slot, facts, live);
      rows.remove(slot, dot);
      if (facts !== undefined) reporter.change('cleared', slot, previous, facts);
    }
    const { latestClear } = versions;
    if (latestClear === undefined || !this.#staysKnown(latestClear, dot, seen)) versions.noteCleared(dot);
    reporter.release();
  }

  /** Puts a row of a checkpoint in place; tells of it when `live` says where it stands in the log. */
  adoptRow(slot: number, row: { value: Value; dot: Dot; created: number }, live: Live | undefined): void {
    const { rows, reporter } = this;
    const kind = rows.has(slot) ? 'changed' : 'new';
    const previous = rows.value(slot);
    const { value, dot } = row;
    const facts = live === undefined ? undefined : reporter.facts(live.position, SET, dot, { slot, value });
    if (facts !== undefined && live !== undefined && kind === 'changed') reporter.unseen(slot, facts, live);
    rows.put(slot, value, dot);
    rows.beginnings?.set(slot, dot, row.created);
    this.deadlines?.note(slot);
    if (facts !== undefined) reporter.effect(kind, slot, previous, facts);
  }

  /** Takes away a row that a checkpoint says is gone. */
  adoptRemoval(slot: number, dot: Dot, live: Live | undefined): void {
    const { rows, reporter } = this;
    const present = rows.has(slot);
    const previous = rows.value(slot);
    rows.remove(slot, dot);
    if (live === undefined) return;
    const facts = reporter.facts(live.position, DELETE, dot, { slot, value: undefined });
    reporter.operation(facts);
    if (present) reporter.change('removed', slot, previous, facts);
  }
}
