import type { NatsConnection } from '@nats-io/transport-node';
import type { Note } from '../carrier/carrier.ts';
import { deniedByCarrier, linkOver } from '../carrier/errors.ts';
import { NotesWaiting } from '../carrier/notes-waiting.ts';
import { type GroupNames, decodeSubject, encodeSubject } from './names.ts';
import type { NatsPackages } from './packages.ts';

/** The parts are what notes of a link are said over. */
interface NatsNotesParts {
  readonly packages: NatsPackages;
  readonly connection: NatsConnection;
  readonly names: GroupNames;
  /** Says which carrier it is, for people. */
  readonly name: string;
}

/** Says and hears notes as messages of a server that no stream keeps: the subject names who says it, and who is to hear it. */
export class NatsNotes {
  readonly #parts: NatsNotesParts;
  /** The server said that this node may not say them. */
  #denied: string | undefined;
  #isWatched = false;

  constructor(parts: NatsNotesParts) {
    this.#parts = parts;
  }

  async tell({ by, to, bytes }: Note): Promise<void> {
    const { connection, name, names } = this.#parts;
    if (connection.isClosed()) throw linkOver(name);
    if (this.#denied !== undefined) throw deniedByCarrier(name, this.#denied);
    if (!this.#isWatched) void this.#watch();
    connection.publish(encodeSubject(names.notesPrefix, to === undefined ? [by] : [by, to]), bytes);
  }

  /** A server answers to what may not be published, and not to which message. */
  async #watch(): Promise<void> {
    this.#isWatched = true;
    const { connection, names, packages } = this.#parts;
    for await (const status of connection.status()) {
      if (status.type !== 'error') continue;
      const { error } = status;
      if (!(error instanceof packages.transport.PermissionViolationError)) continue;
      if (error.operation === 'publish' && error.subject.startsWith(`${names.notesPrefix}.`))
        this.#denied = error.message;
    }
  }

  async hear(listener: string, signal: AbortSignal): Promise<AsyncIterable<Note>> {
    const { connection, name, names } = this.#parts;
    if (connection.isClosed()) throw linkOver(name);
    let denied: string | undefined;
    const waiting: NotesWaiting = new NotesWaiting(() => {
      for (const subscription of subscriptions) subscription.unsubscribe();
    });
    // One list in the order of arrival: what is said to everybody and to one comes by two subscriptions.
    const subjects = [`${names.notesPrefix}.*`, encodeSubject(`${names.notesPrefix}.*`, [listener])];
    const subscriptions = subjects.map((subject) =>
      connection.subscribe(subject, {
        callback: (error, { subject: said, data }) => {
          if (error instanceof Error) denied ??= error.message;
          else heard(waiting, decodeSubject(names.notesPrefix, said), data);
        },
      }),
    );
    signal.addEventListener('abort', () => waiting.end());
    void connection.closed().then(() => waiting.end());
    if (signal.aborted) waiting.end();
    await connection.flush();
    if (denied === undefined) return waiting;
    waiting.end();
    throw deniedByCarrier(name, denied);
  }
}

function heard(waiting: NotesWaiting, subject: readonly string[] | undefined, bytes: Uint8Array): void {
  const [by, to] = subject ?? [];
  if (by !== undefined) waiting.add({ by, to, bytes });
}
