import type { Dictionary } from '../../log/runs/dictionary.ts';
import { type Epoch, compareEpochs } from '../../log/operations/epoch.ts';
import { CLEAR, DELETE, EXPIRE, INCREMENT, SET, SWITCH, TOUCH } from '../../log/operations/operation.ts';
import type { DecodedRun } from '../../log/runs/run.ts';
import type { VersionVector } from '../../log/operations/version-vector.ts';
import { runChanges } from './run-changes.ts';
import type { DocumentFold } from './document-fold.ts';
import type { Letting } from './waited-runs.ts';
import type { Effects, Live } from './effects.ts';
import type { TableState } from '../table-state.ts';
import { RowLives } from '../times/row-lives.ts';
import { type Dot, MovingDot } from '../rows/dot.ts';

/** The table is what runs are folded into, or handed on to its document. */
export type FoldedTable = TableState & {
  readonly effects: Effects;
  readonly inForce: {
    readonly documents: DocumentFold | undefined;
    /** Makes a switch that this node's own log tells of. */
    switchHere(epoch: Epoch): void;
  };
};

/** The context is common to the operations of one run. */
interface RunContext {
  readonly origin: number;
  readonly dictionary: Dictionary;
  readonly seen: VersionVector;
  /** Position of the operation at index 0, were it applied; undefined when nobody is told. */
  readonly base: number | undefined;
  /** Written under an earlier mode: nothing takes effect. */
  readonly stale: boolean;
  /** Undefined on replay. */
  readonly letting: Letting | undefined;
}

/** Folds runs of others, and of the log, into one table: column by column where nobody has to look, else one by one. */
export class RowFold {
  readonly #table: FoldedTable;

  constructor(table: FoldedTable) {
    this.#table = table;
  }

  /** Returns whether the writes of a run can be put as they are, and nobody is told more than what changed. */
  #plain(run: DecodedRun, on: RunContext): boolean {
    const { schema, reporter } = this.#table;
    const { overtakings } = this.#table.held;
    const { mode } = this.#table.inForce;
    if (overtakings.concerns(on.origin)) return false;
    if (mode.comparesVersions || schema.expiry !== undefined || run.kinds !== undefined) return false;
    if (on.base === undefined) return schema.isSet || run.values.numbers !== undefined;
    return reporter.brief && (schema.isSet || schema.column === 'double');
  }

  /** Puts the writes of a run as they are, and tells of the changes. */
  #foldPlain(run: DecodedRun, range: { skip: number; end: number }, on: RunContext): void {
    const { schema, rows, reporter } = this.#table;
    const writes = {
      from: range.skip,
      end: range.end,
      slots: on.dictionary.view,
      ids: run.ids,
      values: schema.isSet ? undefined : run.values.numbers,
      origin: on.origin,
      firstSequence: run.firstSequence,
      stamps: run.stamps,
      stamp: run.firstStamp,
    };
    if (on.base === undefined) return rows.bulk.putRun(writes);
    const position = on.base + range.skip;
    reporter.wroteAll(runChanges(this.#table, writes, { done: rows.bulk.putRunKnowing(writes), position }));
  }

  /** Folds the operations of a run from `skip` up to `end`. */
  fold(run: DecodedRun, range: { skip: number; end: number }, on: RunContext): void {
    const { schema, effects } = this.#table;
    const { documents } = this.#table.inForce;
    if (documents !== undefined && !on.stale && run.kinds?.[0] !== SWITCH)
      return documents.fold(run, range, on);
    if (!on.stale && this.#plain(run, on)) return this.#foldPlain(run, range, on);
    const { isSet } = schema;
    const { ids, kinds, stamps } = run;
    const { numbers, cells } = run.values;
    const dot = new MovingDot(on.origin);
    const lives = schema.expiry?.kind === 'create' ? new RowLives(this.#table, on) : undefined;
    let cellAt = 0;
    let expiredAt = 0;
    let addAt = 0;
    for (let index = 0; index < range.end; index++) {
      const kind = kinds === undefined ? SET : (kinds[index] as number);
      const cell = kind === SET && !isSet ? cellAt++ : -1;
      const added = kind === INCREMENT ? run.added[addAt++] : undefined;
      const write = kind === EXPIRE || kind === TOUCH ? expiredAt++ : -1;
      if (index < range.skip) continue;
      const stamp = stamps === undefined ? run.firstStamp : (stamps[index] as number);
      dot.sequence = run.firstSequence + index;
      dot.stamp = stamp;
      const live = on.base === undefined ? undefined : { position: on.base + index, seen: on.seen };
      if (kind === CLEAR || kind === SWITCH) {
        this.#foldWhole(kind, dot, { live, run, on });
        continue;
      }
      const slot = on.dictionary.slot(ids[index] as number);
      const value =
        cell < 0 ? added : numbers === undefined ? schema.fromColumn(cells?.[cell] ?? 0) : numbers[cell];
      if (kind === TOUCH) {
        // It replaces nothing, so that a switch of mode need not pass it over.
        effects.touch(slot, dot, live);
      } else if (on.stale) {
        if (live !== undefined) effects.passOver(kind, dot, live, { slot, value });
      } else if (kind === SET) {
        effects.write(slot, value, dot, { live, lives });
      } else if (kind === DELETE) {
        effects.remove(slot, dot, on.seen, live);
      } else if (kind === EXPIRE) {
        effects.expireWrite(slot, dot, live, {
          origin: on.dictionary.origins[run.expired[write * 2] as number] as number,
          sequence: run.expired[write * 2 + 1] as number,
        });
      }
    }
  }

  /** Folds an operation on the whole table. */
  #foldWhole(
    kind: number,
    dot: Dot,
    where: { readonly live: Live | undefined; readonly run: DecodedRun; readonly on: RunContext },
  ): void {
    const { live, run, on } = where;
    if (kind === CLEAR && !on.stale) return this.#table.effects.clearRows(dot, on.seen, live);
    const { epoch } = run;
    if (kind === SWITCH && epoch !== undefined && compareEpochs(epoch, this.#table.inForce.epoch) > 0)
      this.#table.inForce.switchHere(epoch);
    if (live === undefined) return;
    const { reporter } = this.#table;
    const facts = reporter.facts(live.position, kind, dot);
    reporter.operation(kind === SWITCH ? { ...facts, value: epoch?.mode } : facts);
  }
}
