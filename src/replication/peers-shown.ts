import type { Observable } from 'rxjs';
import { distinctUntilChanged } from 'rxjs/internal/operators/distinctUntilChanged';
import type { Environment } from '../environment.ts';
import { Present } from '../work/emitter.ts';
import type { PeerState } from './peers/peer-state.ts';
import type { Dialler } from './reach/dialler.ts';
import { statesOf } from './reach/peer-states.ts';
import type { Sessions } from './sessions.ts';

/** The parts are those who are connected, those who are dialled, and who looks when one of them changed. */
export interface PeersShownParts {
  readonly environment: Environment;
  readonly sessions: Sessions;
  readonly diallers: readonly Dialler[];
  look(): void;
}

/** Shows users which peers there are, and whether their rows are here: once a turn, however often it changed. */
export class PeersShown {
  readonly #parts: PeersShownParts;
  readonly #peers = new Present<readonly PeerState[]>([]);
  readonly #synced = new Map<string, Present<boolean>>();
  #isScheduled = false;
  #isLevelChanged = false;
  #isStopped = false;

  constructor(parts: PeersShownParts) {
    this.#parts = parts;
  }

  /** Connections and configured peers; replays its present value. */
  get peers(): Observable<readonly PeerState[]> {
    return this.#peers.observable;
  }

  /** As {@link peers}, this moment. */
  present(): PeerState[] {
    const { sessions, diallers } = this.#parts;
    return statesOf(sessions.greeted(), diallers, (session) => sessions.diallerOf(session)?.address);
  }

  /** Returns whether every connected peer's rows of a table are here. */
  synced(name: string): Observable<boolean> {
    let subject = this.#synced.get(name);
    if (subject === undefined) {
      subject = new Present(this.#parts.diallers.length === 0);
      this.#synced.set(name, subject);
    }
    return subject.observable.pipe(distinctUntilChanged());
  }

  /** It is known of more or fewer tables than before that the peers' rows are here. */
  levelled(): void {
    this.#isLevelChanged = true;
    this.changed();
  }

  changed(): void {
    if (this.#isScheduled || this.#isStopped) return;
    this.#isScheduled = true;
    this.#parts.environment.defer(() => {
      this.#isScheduled = false;
      if (this.#isStopped) return;
      this.#peers.next(this.present());
      this.#parts.look();
      if (!this.#isLevelChanged) return;
      this.#isLevelChanged = false;
      for (const [name, subject] of this.#synced) subject.next(this.#isSynced(name));
    });
  }

  #isSynced(name: string): boolean {
    const sharing = [...this.#parts.sessions].filter((session) => session.tables.shared.has(name));
    // A peer that may not write the table has nothing to bring, whatever it says of that.
    const bringing = sharing.filter(({ tables }) => tables.shared.get(name)?.writable === true);
    if (bringing.length > 0) return bringing.every((session) => session.taking.isLevel(name));
    return this.#parts.diallers.every(({ nodeId: dialled }) => {
      return sharing.some(({ nodeId }) => nodeId === dialled);
    });
  }

  /** Shows nothing more: the node is closing. */
  stop(): void {
    this.#isStopped = true;
  }

  complete(): void {
    this.#peers.complete();
    for (const subject of this.#synced.values()) subject.complete();
  }
}
