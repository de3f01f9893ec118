import type { Change, MapTable } from '../../../src/index.ts';
import type { Member } from '../../support/cluster.ts';
import type { WorldTable } from '../world.ts';

export type Numbers = MapTable<string, number | bigint>;

/** What the true time is, and since when every clock has been right. */
export interface TrueTime {
  readonly now: number;
  readonly rightSince: number;
}

/** How much later than its lifetime a row goes at most where it stands: grace, a step, and what is on its way. */
const LATEST_MS = 4000 + 1000 + 1500;

/** A write of a user, named by its value: no value is written twice. */
interface Written {
  readonly at: number;
  /** When the row's life began, as the author knew it. */
  readonly created: number;
}

/**
 * What is expected of the rows of one table, told by nothing but the public interface and the true time: that they go
 * neither early nor late, and that nothing stands that a later write has seen.
 */
export class TableWatch {
  readonly name: string;
  readonly table: WorldTable;
  readonly #time: TrueTime;
  readonly #written = new Map<number, Written>();
  /** Values that a write or removal has seen, and what it was. */
  readonly #seen = new Map<number, string>();
  /**
   * Keys on which a conflict was told in a table that is, or was, `naive`: of three writes, the first of which the
   * second had seen and the third not, the first may come last, and stands.
   */
  readonly #contested = new Set<string>();
  /** What a subscriber found, which must not throw. */
  #early: Error | undefined;
  /** Per node, since when each row stands as it is. */
  readonly #since = new Map<Member, Map<string, number>>();

  constructor(name: string, table: WorldTable, time: TrueTime) {
    this.name = name;
    this.table = table;
    this.#time = time;
  }

  get #lifetimeMs(): number | undefined {
    const { createExpire, writeExpire } = this.table.declaration;
    return (createExpire ?? writeExpire) as number | undefined;
  }

  of(member: Member): Numbers {
    return member.up.tables.get(this.name) as unknown as Numbers;
  }

  /** Begins with a node that has just started. */
  open(member: Member): void {
    const { now } = this.#time;
    const since = new Map(Array.from(this.of(member).keys(), (key) => [key, now]));
    this.#since.set(member, since);
    this.of(member).changes.subscribe((change) => this.#changed(member, since, change));
    const { declaration, switched } = this.table;
    if (declaration.mode === 'naive' || switched)
      this.of(member).conflicts.subscribe(({ key }) => this.#contested.add(key));
  }

  close(member: Member): void {
    this.#since.delete(member);
  }

  /** A user writes; what stands there is seen. */
  set(member: Member, key: string, value: number): void {
    const table = this.of(member);
    const before = table.get(key);
    const { now } = this.#time;
    this.#see(before, `set ${key} = ${value} at ${member.id}`);
    this.#written.set(value, { at: now, created: this.#written.get(Number(before))?.created ?? now });
    table.set(key, value);
    if (table.get(key) !== value)
      throw new Error(`${member.id} does not show what it wrote: ${key} = ${value}`);
  }

  delete(member: Member, key: string): void {
    const table = this.of(member);
    this.#see(table.get(key), `delete ${key} at ${member.id}`);
    table.delete(key);
  }

  #see(value: number | bigint | undefined, by: string): void {
    if (value !== undefined) this.#seen.set(Number(value), by);
  }

  #changed(
    member: Member,
    since: Map<string, number>,
    { kind, key, previous }: Change<string, number | bigint>,
  ): void {
    const { now } = this.#time;
    if (kind === 'new' || kind === 'changed') since.set(key, now);
    else since.delete(key);
    if (kind === 'expired') this.#expired(member, key, Number(previous));
  }

  /** Nothing goes before its time where every clock has been right since it was written. */
  #expired(member: Member, key: string, value: number): void {
    const written = this.#written.get(value);
    const { now, rightSince } = this.#time;
    if (written === undefined || this.#lifetimeMs === undefined) return;
    const from = this.table.declaration.createExpire === undefined ? written.at : written.created;
    if (from <= rightSince || now >= Math.floor(from) + this.#lifetimeMs) return;
    this.#early ??= new Error(
      `${member.id} let ${this.name} ${key} = ${value} go ${Math.round(now - from)} ms after it began, of ${this.#lifetimeMs}`,
    );
  }

  /** Nothing stays beyond its time, counted from when it came, whatever the clocks do. */
  glance(): void {
    if (this.#early !== undefined) throw this.#early;
    const lifetime = this.#lifetimeMs;
    if (lifetime === undefined) return;
    const { now } = this.#time;
    for (const [member, since] of this.#since)
      for (const [key, from] of since)
        if (now - from > lifetime + LATEST_MS)
          throw new Error(`${member.id} keeps ${this.name} ${key} for ${now - from} ms, of ${lifetime}`);
  }

  /** Everybody has heard of everything: nothing stands that a later write saw. */
  judge(members: readonly Member[]): void {
    for (const member of members)
      for (const [key, value] of this.of(member).entries()) {
        const by = this.#seen.get(Number(value));
        if (by !== undefined && !this.#contested.has(key))
          throw new Error(`${member.id} shows ${this.name} ${key} = ${value}, which was seen by ${by}`);
      }
  }
}
