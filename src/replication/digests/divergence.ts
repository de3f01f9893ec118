import type { Observable } from 'rxjs';
import type { NodeEvent } from '../../events.ts';
import { Present } from '../../work/emitter.ts';
import type { Difference } from '../replica.ts';

/** A key on which this node and a peer differ although both hold the same operations. */
export interface Divergence extends Difference {
  /** Id of the peer's node. */
  readonly peer: string;
}

/** The divergences are what is known of the differences between this node's tables and those of its peers. */
export class Divergences {
  readonly #subjects = new Map<string, Present<readonly Divergence[]>>();
  readonly #found = new Map<string, Map<string, readonly Divergence[]>>();
  readonly #report: (event: NodeEvent) => void;

  constructor(report: (event: NodeEvent) => void) {
    this.#report = report;
  }

  /** Every key on which a table differs from a connected peer's; replays the present list. */
  of(table: string): Observable<readonly Divergence[]> {
    return this.#subject(table).observable;
  }

  /** The present list of one table. */
  now(table: string): readonly Divergence[] {
    return this.#subject(table).value;
  }

  #subject(table: string): Present<readonly Divergence[]> {
    let subject = this.#subjects.get(table);
    if (subject === undefined) {
      subject = new Present<readonly Divergence[]>([]);
      this.#subjects.set(table, subject);
    }
    return subject;
  }

  /** Takes in what a comparison with a peer found. */
  compared(table: string, peer: string, differences: readonly Difference[]): void {
    const found = this.#found.get(table) ?? new Map<string, readonly Divergence[]>();
    this.#found.set(table, found);
    const before = found.get(peer)?.length ?? 0;
    if (differences.length === 0 && before === 0) return;
    if (differences.length === 0) found.delete(peer);
    else
      found.set(
        peer,
        differences.map((difference) => ({ ...difference, peer })),
      );
    this.#tell(table);
    if (differences.length !== before) this.#reportChange(table, peer, differences.length);
  }

  /** A peer is gone: what it holds is not known any more. */
  forget(peer: string): void {
    for (const [table, found] of this.#found) if (found.delete(peer)) this.#tell(table);
  }

  complete(): void {
    for (const subject of this.#subjects.values()) subject.complete();
  }

  #tell(table: string): void {
    const found = this.#found.get(table) ?? new Map<string, readonly Divergence[]>();
    this.#subject(table).next([...found.values()].flat());
  }

  #reportChange(table: string, peer: string, keys: number): void {
    const diverged = keys > 0;
    this.#report({
      code: diverged ? 'table-diverged' : 'table-agrees',
      severity: diverged ? 'warning' : 'info',
      message: diverged
        ? `Table ${table}: ${keys} keys differ from those of ${peer}, which holds the same operations. See table.divergence; table.repair({ from }) makes them equal.`
        : `Table ${table}: all rows are equal to those of ${peer} again.`,
      table,
      peer,
      details: { keys },
    });
  }
}
