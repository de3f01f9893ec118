import type { DocumentOwner, RunEffects, Version } from '../conflict-mode.ts';
import { BaseParts } from './base-parts.ts';
import type { Change, ChangeOperation } from './change.ts';
import { Counters } from './counters.ts';
import { epochName, generationOf } from './genesis.ts';
import { History, type Pending, type Touched } from './history.ts';
import { type Entry, Registers } from './registers.ts';
import { NOBODY, roughVersion } from './run-name.ts';

/** The ground of a document's parts: what stands under its keys, and the changes that made it so. */
export class DocumentState {
  readonly owner: DocumentOwner;
  readonly epoch: string;
  readonly registers: Registers;
  readonly history: History;
  readonly counters: Counters;
  readonly base: BaseParts;

  constructor(owner: DocumentOwner) {
    this.owner = owner;
    this.epoch = epochName(owner.epoch);
    this.registers = new Registers(owner);
    this.history = new History((pending, touched) => this.#applied(pending, touched));
    this.counters = new Counters();
    this.base = new BaseParts(owner.epoch.counter > 0, { epoch: this.epoch, column: owner.column });
  }

  /** Takes a change that every node makes by itself. */
  takeAlone(change: Change, touched: Touched): void {
    this.history.take({ change, beginnings: [], effects: undefined }, touched);
  }

  /** Puts rows from before into the document that a run writes near. */
  enterNear(effects: RunEffects, touched: Touched): void {
    for (const part of this.base.near(effects)) this.enter(part, touched);
  }

  /** Puts the rows of one part from before into the document, if they wait. */
  enter(part: number, touched: Touched): void {
    const rows = this.base.take(part);
    if (rows === undefined) return;
    this.history.onUndo(() => this.base.putBack(part, rows));
    for (const change of this.base.beginningOf(part, rows)) this.takeAlone(change, touched);
    for (const row of rows) this.refine(row.text, row);
  }

  #applied(pending: Pending, touched: Touched): void {
    const { change, part } = pending;
    const generation = generationOf(change);
    const [first] = change.operations;
    if (generation !== undefined && first !== undefined) {
      if (part !== undefined && part.effects.keys.get(first.key)?.kind !== 'add') return;
      const takeBack = this.counters.note(first.key, generation);
      if (takeBack !== undefined) this.history.onUndo(takeBack);
    }
    const done = generation === undefined && part !== undefined ? part.change : change;
    this.applyOperations(done, pending, touched);
  }

  /** Applies what a change does, whatever it follows. */
  applyOperations(
    change: Change,
    { effects, versions }: Pick<Pending, 'effects' | 'versions'>,
    touched: Touched,
  ): void {
    let roughly: Version | undefined;
    const { operations } = change;
    const isOwn = effects === touched.by;
    for (let index = 0; index < operations.length; index++) {
      const { key } = operations[index] as ChangeOperation;
      const version = versions?.[index];
      this.registers.apply(change, index, version ?? (roughly ??= roughVersion(change)));
      if (version === undefined || !isOwn) touched.others.add(key);
      this.base.noteWritten(key);
    }
  }

  /** Gives what stands under a key its exact version, where only its run is known. */
  refine(text: string, { origin, sequence, stamp }: Version): void {
    const standing = this.registers.standing(text);
    if (standing === undefined) return;
    const isRough = ({ version }: Entry): boolean =>
      version.origin === origin && version.sequence <= sequence;
    const entry = this.registers.together(text, standing).find(isRough) ?? standing;
    if (isRough(entry) || entry.version.origin === NOBODY)
      this.registers.refine(text, entry, { origin, sequence, stamp });
  }
}
