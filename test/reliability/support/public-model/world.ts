import { setImmediate as turn } from 'node:timers/promises';
import { isTablecastError } from '../../../../src/index.ts';
import { SeededRandom } from '../../../support/seeded-random.ts';
import type { Contest } from './contest.ts';
import { NODES, drawTables, marksFrom, modesOf } from './kinds.ts';
import { Expiry } from './expiry.ts';
import { type Figures, noFigures } from './figures.ts';
import { LogCheck } from './log-fold.ts';
import { Member, peersOf } from './member.ts';
import { Shares } from './shares.ts';
import { TableModel, type Write, difference } from './table-model.ts';
import { type OperationName, rowsOf } from './witness.ts';

/** How long what was sent may be under way, in milliseconds. */
const PATIENCE_MS = 30_000;
const ROUNDS = 5;
const STEPS = 25;
/** The round before which the last node opens for the first time. */
const JOINING = 2;

export interface WorldReport {
  readonly seed: number;
  readonly problems: readonly string[];
  /** What was done, in order. */
  readonly steps: readonly string[];
  readonly figures: Figures;
}

class Thrown extends Error {}

/**
 * Real nodes with real sockets and databases, seen through the public interface only, and plain Maps that say what is
 * right. What a seed draws is the same each time; which frame comes first is not.
 */
export class PublicWorld {
  readonly #random: SeededRandom;
  /** Whether all nodes are connected with each other; else all with the first. */
  readonly #isMesh: boolean;
  readonly #models: readonly TableModel[];
  readonly #members: readonly Member[];
  readonly #steps: string[] = [];
  readonly #problems: string[] = [];
  readonly #figures = noFigures();
  #round = 0;
  #shares: Shares;

  private constructor(seed: number, directory: string, isMeshed: boolean) {
    this.#random = new SeededRandom(seed);
    this.#isMesh = this.#random.chance(0.4) && isMeshed;
    const kinds = drawTables(this.#random, !this.#isMesh);
    this.#models = kinds.map((kind) => new TableModel(kind, !this.#isMesh));
    // In some worlds memory tables forget the beginning of their log, but not what peers still wait for.
    const maxMemoryLogBytes = this.#random.chance(0.2) ? 16_384 : undefined;
    this.#members = Array.from(
      { length: NODES },
      (_, index) => new Member(index, { directory, kinds, maxMemoryLogBytes }),
    );
    this.#shares = new Shares(this.#random, 0, []);
    for (const { name, declaration, defaults } of kinds)
      this.#steps.push(`${name}: ${JSON.stringify(declaration)}, defaults ${defaults.join()}`);
  }

  /** Plays the world of a seed, with databases in a directory of its own; if `isMeshed`, some seeds connect all nodes. */
  static async run(seed: number, directory: string, isMeshed = false): Promise<WorldReport> {
    const world = new PublicWorld(seed, directory, isMeshed);
    try {
      await world.#play();
    } catch (error) {
      world.#problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    for (const member of world.#up) await member.stop();
    return { seed, problems: world.#problems, steps: world.#steps, figures: world.#figures };
  }

  get #up(): readonly Member[] {
    return this.#members.filter(({ isUp }) => isUp);
  }

  async #play(): Promise<void> {
    for (let index = 0; index < NODES - 1; index++) await this.#start(this.#members[index] as Member);
    // What a memory table takes before anybody is there is gone with its node.
    await this.#settle();
    for (this.#round = 0; this.#round < ROUNDS && this.#problems.length === 0; this.#round++) {
      this.#steps.push(`round ${this.#round}`);
      if (this.#round === JOINING) await this.#join();
      if (this.#random.chance(0.3)) await this.#switchMode();
      await this.#writeRound();
      await this.#settle();
      await this.#check();
      if (this.#random.chance(0.2)) await this.#expire();
    }
  }

  async #start(member: Member): Promise<void> {
    await member.start(peersOf(member.index, this.#members, this.#isMesh));
  }

  /** Until a node that was away has what others have: before, it would write over what it has not seen. */
  async #catchUp(member: Member): Promise<void> {
    const others = this.#up.filter((other) => other !== member);
    const marks = this.#marksOf(
      others,
      (model, other) =>
        (this.#shares.alone.get(model) ?? other) === other || this.#shares.alone.get(model) === member,
    );
    await this.#everywhere(
      'what was there',
      ({ witness }) => witness !== member.witness || marks.every((mark) => witness.hasSeen(mark)),
    );
  }

  async #join(): Promise<void> {
    this.#steps.push('the last node joins');
    this.#figures.joins++;
    const member = this.#members[NODES - 1] as Member;
    await this.#start(member);
    await this.#catchUp(member);
    await this.#settle();
  }

  // Writing --------------------------------------------------------------------------------------------

  async #writeRound(): Promise<void> {
    this.#shares = new Shares(this.#random, this.#round, this.#up);
    this.#shares.deal(this.#models, (model) => this.#modeOf(model));
    const down = this.#random.chance(0.4) ? this.#random.between(1, STEPS) : STEPS;
    let stopped: Member | undefined;
    for (let step = 0; step < STEPS; step++) {
      if (step === down) stopped = await this.#stop();
      await this.#step();
    }
    if (stopped !== undefined) await this.#reopen(stopped);
    for (const member of this.#up)
      for (const model of this.#shares.contests.keys()) this.#contend(model, member);
  }

  #modeOf({ kind }: TableModel): string {
    return this.#up[0]?.table(kind.name).mode ?? '';
  }

  async #stop(): Promise<Member> {
    const member = this.#random.pick(this.#up);
    this.#steps.push(`n${member.index} stops`);
    this.#figures.restarts++;
    this.#watchEnd(member);
    await member.stop();
    return member;
  }

  /** What a life told must fit together before it is over. */
  #watchEnd(member: Member): void {
    this.#figures.changes += member.witness.changes;
    this.#problems.push(...member.witness.problems((table, key) => this.#isContested(table, key)));
  }

  /** Rows of sqlite tables are there at once: those that nobody else can have written meanwhile. */
  async #reopen(member: Member): Promise<void> {
    this.#steps.push(`n${member.index} opens`);
    await this.#start(member);
    for (const model of this.#models) {
      if (model.kind.declaration.backend !== 'sqlite' || this.#shares.alone.get(model) !== member) continue;
      this.#sameRows(member, model, 'reopened: ');
    }
    await this.#catchUp(member);
  }

  async #step(): Promise<void> {
    const dice = this.#random.next();
    const member = this.#random.pick(this.#up);
    if (dice < 0.6) this.#write(member);
    else if (dice < 0.75) this.#batch(member, 0);
    else if (dice < 0.8) this.#refused(member);
    else if (dice < 0.9) await turn();
    else await member.node.flush();
  }

  #write(member: Member): void {
    const model = this.#random.pick(this.#models);
    const contest = this.#shares.contests.get(model);
    if (contest !== undefined && this.#random.chance(0.4)) return this.#contend(model, member);
    const write = this.#shares.draw(model, member);
    if (write === undefined) return;
    this.#do(member, model, write);
    model.apply(write, member.index);
  }

  #do(member: Member, { kind }: TableModel, write: Write): void {
    this.#steps.push(`n${member.index} ${kind.name} ${JSON.stringify(write)}`);
    this.#figures.writes++;
    member.write(kind, write);
  }

  #contend(model: TableModel, member: Member): void {
    const contest = this.#shares.contests.get(model) as Contest;
    this.#figures.contests++;
    this.#do(member, model, contest.draw(this.#random, member.index));
  }

  /** A batch, and batches in it: all of it, or nothing when it throws. */
  #batch(member: Member, depth: number): void {
    const before = this.#models.map(({ rows }) => new Map(rows));
    const isThrowing = this.#random.chance(0.4);
    this.#steps.push(`n${member.index} batch {`);
    this.#figures.batches++;
    try {
      member.node.batch(() => {
        for (let left = this.#random.between(0, 5); left >= 0; left--)
          if (depth < 2 && this.#random.chance(0.15)) this.#batch(member, depth + 1);
          else this.#writeOwned(member);
        if (isThrowing) throw new Thrown();
      });
      this.#steps.push('}');
    } catch (error) {
      this.#steps.push('} throws');
      if (depth > 0 || !(error instanceof Thrown)) throw error;
      this.#figures.thrown++;
      for (const [index, model] of this.#models.entries()) model.rows = before[index] as Map<string, unknown>;
    }
  }

  #writeOwned(member: Member): void {
    const model = this.#random.pick(this.#models);
    const write = this.#shares.draw(model, member);
    if (write === undefined) return;
    this.#do(member, model, write);
    model.apply(write, member.index);
  }

  /** What is not of the declared type is refused, and nothing happens. */
  #refused(member: Member): void {
    const { kind } = this.#random.pick(this.#models);
    const wrong = { ...kind, keys: [{ given: Symbol('wrong'), read: undefined }] };
    this.#figures.refused++;
    try {
      member.write(wrong, { do: 'set', key: 0, value: 0 });
    } catch (error) {
      if (isTablecastError(error, 'KEY_INVALID') || isTablecastError(error, 'VALUE_INVALID')) return;
      throw error;
    }
    this.#problems.push(`${kind.name} takes a symbol for a key`);
  }

  // Switching and expiry -------------------------------------------------------------------------------

  /** One node switches a table's mode while others, who do not know of it, write it. */
  async #switchMode(): Promise<void> {
    const model = this.#random.pick(this.#models);
    const member = this.#random.pick(this.#up);
    const present = this.#modeOf(model);
    const mode = this.#random.pick(modesOf(!this.#isMesh).filter((other) => other !== present));
    this.#steps.push(`n${member.index} ${model.kind.name} switches to ${mode}`);
    this.#figures.switches++;
    model.isSwitched = true;
    this.#shares = new Shares(this.#random, this.#round, this.#up);
    const switching = member.table(model.kind.name).switchMode(mode);
    for (let left = this.#random.between(0, 4); left > 0; left--) {
      const other = this.#random.pick(this.#up);
      const write = this.#shares.draw(model, other);
      if (write === undefined || write.do === 'clear') continue;
      // The log has it where it took no effect as well.
      model.contested.add(model.keyText(write.key));
      this.#do(other, model, write);
      model.apply(write, other.index);
    }
    await switching;
    await this.#everywhere(
      'the switch',
      ({ index }) => this.#members[index]?.table(model.kind.name).mode === mode,
    );
    await this.#settle();
  }

  async #expire(): Promise<void> {
    const member = this.#random.pick(this.#up);
    this.#steps.push(`n${member.index} writes what expires`);
    const expiry = new Expiry(this.#up);
    expiry.write(member);
    await this.#everywhere('expiry', ({ index }) => expiry.isOver(index));
    this.#problems.push(...expiry.end());
    this.#figures.expired += 2;
  }

  // Settling and checking ------------------------------------------------------------------------------

  /** Waits until something holds on every node; what does not come is a problem. */
  async #everywhere(what: string, holds: (member: Member) => boolean): Promise<void> {
    for (const member of this.#up) {
      if (await member.witness.until(() => holds(member), PATIENCE_MS)) continue;
      this.#problems.push(`n${member.index} waits for ${what} in vain`);
      throw new Error(`n${member.index} waits for ${what} in vain`);
    }
  }

  /** Until everybody holds all that was written: each node writes a mark into each table, and all wait for the marks. */
  async #settle(): Promise<void> {
    // What one node wrote alone may be a clear, which a mark must not cross.
    for (const isFirst of [true, false])
      await this.#meet((model, member) => ((this.#shares.alone.get(model) ?? member) === member) === isFirst);
    for (const [model, contest] of this.#shares.contests) {
      this.#problems.push(...contest.settle(this.#up));
      const member = this.#random.pick(this.#up);
      const write = contest.heal(member);
      if (write === undefined) continue;
      this.#do(member, model, write);
      model.apply(write, member.index);
    }
    if (this.#shares.contests.size > 0) await this.#meet(() => true);
    this.#shares.contests.clear();
    // What was carried over a switch, and what heals, has no mark behind it.
    for (const member of this.#up)
      await member.witness.until(
        () => this.#models.every((model) => this.#differs(member, model) === undefined),
        5000,
      );
  }

  /** Nodes write their marks, and everybody waits for them. */
  async #meet(marking: (model: TableModel, member: Member) => boolean): Promise<void> {
    const marks = this.#marksOf(this.#up, marking);
    await this.#everywhere('marks', ({ witness }) => marks.every((mark) => witness.hasSeen(mark)));
  }

  #marksOf(
    members: readonly Member[],
    marks: (model: TableModel, member: Member) => boolean,
  ): OperationName[] {
    return members.flatMap((member) =>
      this.#models.flatMap((model) => (marks(model, member) ? [this.#mark(model, member)] : [])),
    );
  }

  #mark(model: TableModel, member: Member): OperationName {
    const write: Write = {
      do: 'set',
      key: marksFrom + member.index,
      value: this.#round % Math.max(1, model.kind.values.length),
    };
    member.write(model.kind, write);
    model.apply(write, member.index);
    const mark = member.witness.live.at(-1);
    if (mark?.table !== model.kind.name) throw new Error(`n${member.index} does not tell of its own write`);
    return mark;
  }

  #isContested(table: string, key: string): boolean {
    // A node that comes late is not waited for with the table whose rows expire.
    return this.#models.find(({ kind }) => kind.name === table)?.contested.has(key) ?? true;
  }

  #differs(member: Member, model: TableModel): string | undefined {
    return difference(rowsOf(member.table(model.kind.name)), model.rows);
  }

  #sameRows(member: Member, model: TableModel, when = ''): void {
    const differs = this.#differs(member, model);
    if (differs !== undefined) this.#problems.push(`n${member.index} ${when}${model.kind.name}: ${differs}`);
  }

  async #check(): Promise<void> {
    for (const member of this.#up) {
      for (const model of this.#models) this.#sameRows(member, model);
      const { witness, node } = member;
      this.#problems.push(...witness.problems((table, key) => this.#isContested(table, key)));
      const check = new LogCheck(node, this.#random);
      await check.replay(witness.live, witness.since);
      for (const model of this.#models) await check.table(model);
      this.#problems.push(...check.problems());
      this.#figures.readings += check.readings;
      this.#figures.trimmed += check.trimmed;
    }
    if (this.#round === ROUNDS - 1)
      for (const member of this.#up) this.#figures.changes += member.witness.changes;
  }
}
