/** A session that can be kept waiting. */
interface Held {
  /** Takes nothing from the peer until the returned function is called. */
  hold(): () => void;
}

/** Keeps all sessions waiting for long work that no frame may come between, those that begin meanwhile too. */
export class Holds<Session extends Held> {
  readonly #sessions: Iterable<Session>;
  /** Holds what lets each go on that is kept waiting: one entry for each that keeps all waiting. */
  readonly #holding = new Set<{ readonly sessions: Map<Session, () => void> }>();
  /** Holds what waits until nothing holds all sessions. */
  readonly #after: (() => void)[] = [];

  constructor(sessions: Iterable<Session>) {
    this.#sessions = sessions;
  }

  /** Keeps all waiting until the returned function is called. */
  all(): () => void {
    const holding = { sessions: new Map<Session, () => void>() };
    this.#holding.add(holding);
    for (const session of this.#sessions) holding.sessions.set(session, session.hold());
    return () => {
      this.#holding.delete(holding);
      for (const release of holding.sessions.values()) release();
      if (this.#holding.size > 0) return;
      for (const task of this.#after.splice(0)) task();
    };
  }

  /** Does something as soon as nothing holds all. */
  whenFree(task: () => void): void {
    if (this.#holding.size === 0) task();
    else this.#after.push(task);
  }

  /** A session begins. */
  begun(session: Session): void {
    for (const { sessions } of this.#holding) sessions.set(session, session.hold());
  }
}
