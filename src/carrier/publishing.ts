import type { Environment, Timer } from '../environment.ts';
import { isTablecastError } from '../errors.ts';
import { type RunHeader, readRunName } from '../log/runs/run.ts';
import { encodeMessage } from '../replication/wire/wire.ts';
import { Backoff } from '../work/backoff.ts';
import type { Gap } from './beginnings.ts';
import type { CarrierLink, Subject } from './carrier.ts';
import {
  type Group,
  type Waiting,
  batchesOf,
  byAuthor,
  groupsOf,
  inOrder,
  piecesOf,
  planOf,
} from './frames.ts';
import type { Ledger } from './ledger.ts';
import { Refusals } from './refusals.ts';
import { BUNDLE, bundleName, headersOf, subjectOf } from './subjects.ts';

/** A node leaves to others for so long what they appended of an author before; the pause is drawn anew each time. */
const FIRST_GRACE_MS = 200;
const LONGEST_GRACE_MS = 1000;
/** Pause before an append that was refused is tried again, doubling to the longest. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;

/** Ends of bundles are let go by so many at once: only the last says something. */
const ENDS = 64;

/** The parts are what publishing needs of who it publishes for. */
export interface PublishingParts {
  readonly environment: Environment;
  readonly link: CarrierLink;
  readonly ledger: Ledger;
  /** The node that publishes. */
  readonly nodeId: string;
  /** Names this link among all of the node's. */
  readonly nonce: string;
  /** So many bytes of frames, with so many operations, stand in the carrier. */
  published(bytes: number, operations: number): void;
  /** The carrier lacks operations of a table before those it was to take. */
  lacks(table: string): void;
  /** Lets go what stands under a subject before its last message. */
  thin(subject: Subject): Promise<void>;
  /** Learns of a table's last checkpoint in the carrier. */
  refresh(table: string): Promise<void>;
  /** The carrier takes nothing at present, or takes it again. */
  stalled(error: unknown): void;
  recovered(): void;
  /** It cannot go on. */
  failed(error: unknown): void;
}

/** Publishes the frames of a node: one message under way for each subject, what comes meanwhile goes with the next. */
export class Publishing {
  readonly #parts: PublishingParts;
  readonly #refusals: Refusals;
  #waiting: Waiting[] = [];
  #isBusy = false;
  #isOver = false;
  #timer: Timer | undefined;
  #count = 0;
  #ends = 0;
  /** A bundle that an earlier link began and could not end. */
  #open: string | undefined;
  /** Each stands for something that is refused at present and tried again. */
  readonly #stalled = new Set<symbol>();
  #isLevel = false;
  #mayEnd = true;
  #mayLower = true;

  constructor(parts: PublishingParts) {
    this.#parts = parts;
    this.#open = parts.ledger.open;
    this.#refusals = new Refusals(parts.environment, (table) => parts.lacks(table));
  }

  /** Takes a frame of runs; returns what they are. Throws `OPERATION_INVALID` for bytes that are no run. */
  offer(runs: readonly Uint8Array[], bytes: number): readonly RunHeader[] {
    const named = runs.map((run) => ({ ...readRunName(run), bytes: run }));
    let rest = bytes;
    const authors = byAuthor(named);
    for (const [index, own] of authors.entries()) {
      // What the frame has beside its runs goes with the last.
      const isLast = index === authors.length - 1;
      const share = isLast ? rest : own.reduce((sum, run) => sum + run.bytes.length, 0);
      rest -= share;
      this.#wait(own, share);
    }
    this.go();
    return named;
  }

  /** Lets the runs of one author wait by themselves: those that the carrier does not take must hold up no other. */
  #wait(runs: Waiting['runs'], bytes: number): void {
    const operations = runs.reduce((sum, { count }) => sum + count, 0);
    const after = runs.some((run) => this.#isOthers(run)) ? this.#grace() : 0;
    this.#waiting.push({ runs, bytes, operations, after });
  }

  /** Returns whether operations are for another node to publish, because it did so last, or wrote them. */
  #isOthers({ table, origin }: RunHeader): boolean {
    const { ledger, nodeId } = this.#parts;
    if (this.#isOwn(origin)) return false;
    return ledger.entry(table, origin).by !== nodeId;
  }

  #isOwn(origin: string): boolean {
    return origin.startsWith(`${this.#parts.nodeId}@`);
  }

  #grace(): number {
    const { environment } = this.#parts;
    const ms = FIRST_GRACE_MS + environment.random() * (LONGEST_GRACE_MS - FIRST_GRACE_MS);
    environment.schedule(ms + 1, () => this.go());
    return environment.elapsed() + ms;
  }

  /** Publishes what is due; call it when something others published may make some of it needless. */
  go(): void {
    const isNothing = this.#waiting.length === 0 && !(this.#isLevel && this.#open !== undefined);
    if (this.#isBusy || this.#isOver || isNothing) return;
    this.#isBusy = true;
    this.#round().then(
      (wasDue) => {
        this.#isBusy = false;
        if (wasDue) this.go();
        return undefined;
      },
      (error: unknown) => {
        this.#isBusy = false;
        if (!this.#isOver) this.#parts.failed(error);
      },
    );
  }

  /** Everything that the carrier lacked of this node was offered. */
  level(): void {
    this.#isLevel = true;
    this.go();
  }

  stop(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#refusals.stop();
    this.#waiting = [];
  }

  /**
   * Says in the carrier that it holds an author's operations up to one only: who has the next ones publishes them again.
   * Returns false when something else stands behind them by now; a node that may not say it hears that once.
   */
  async lower({ table, origin, held, place: after }: Gap): Promise<boolean> {
    const { link, ledger, nodeId, nonce } = this.#parts;
    if (!this.#mayLower) return false;
    const subject = subjectOf(table, origin);
    // Which session wrote the last of them is not known.
    const headers = headersOf({ held, session: 0, by: nodeId, part: [0, 1], bundle: undefined });
    const id = `${nonce}.lower.${table}.${origin}.${after}`;
    try {
      const place = await link.append({ subject, headers, bytes: new Uint8Array(0), after, id });
      if (place !== undefined) ledger.note({ subject, headers, place });
      return place !== undefined;
    } catch (error) {
      if (!isTablecastError(error, 'PEER_REFUSED')) throw error;
      this.#mayLower = error.retryable;
      this.#parts.stalled(error);
      return true;
    }
  }

  /** Publishes every frame that is due; false when none was. */
  async #round(): Promise<boolean> {
    const now = this.#parts.environment.elapsed();
    const isDue = (one: Waiting): boolean => one.after <= now || this.#isThere(one);
    const due = inOrder(this.#waiting, isDue);
    if (due.length === 0) return this.#endOpen();
    const taken = new Set(due);
    this.#waiting = this.#waiting.filter((one) => !taken.has(one));
    const { maxMessageBytes } = this.#parts.link;
    const { singles, bundles } = planOf(due, maxMessageBytes, (first) => this.#goesOn(first));
    await this.#together(singles);
    for (const frames of bundles) await this.#bundle(frames);
    return true;
  }

  /** Returns whether a frame has what is missing of a bundle: it is the first that this node is to publish of its own. */
  #goesOn({ runs }: Waiting): boolean {
    return this.#open !== undefined && runs.every(({ origin }) => this.#isOwn(origin));
  }

  /** Ends the bundle of an earlier link, when nothing more of it will come. */
  async #endOpen(): Promise<boolean> {
    const bundle = this.#open;
    if (bundle === undefined || !this.#isLevel) return false;
    this.#open = undefined;
    await this.#endBundle(bundle);
    return true;
  }

  #isThere({ runs }: Waiting): boolean {
    const { ledger } = this.#parts;
    return runs.every(({ table, origin, firstSequence, count }) => {
      return ledger.entry(table, origin).held >= firstSequence + count - 1;
    });
  }

  /** Publishes frames of one subject each: those of the same subject together. */
  async #together(frames: readonly Waiting[]): Promise<void> {
    const bySubject = new Map<string, Waiting[]>();
    for (const frame of frames) {
      const [{ table, origin } = { table: '', origin: '' }] = frame.runs;
      const name = `${table}\n${origin}`;
      bySubject.set(name, [...(bySubject.get(name) ?? []), frame]);
    }
    await Promise.all(
      Array.from(bySubject.values(), async (group) => {
        for (const batch of batchesOf(group, this.#parts.link.maxMessageBytes)) {
          let operations = 0;
          for (const one of groupsOf(batch)) operations += await this.#publish(one, undefined);
          this.#parts.published(
            batch.reduce((sum, { bytes }) => sum + bytes, 0),
            operations,
          );
        }
      }),
    );
  }

  /** Publishes frames of one author, which readers take together: each table's at once, and then that all are there. */
  async #bundle(frames: readonly Waiting[]): Promise<void> {
    const { nodeId, nonce } = this.#parts;
    const open = frames.some((frame) => this.#goesOn(frame)) ? this.#open : undefined;
    if (open !== undefined) this.#open = undefined;
    const bundle = open ?? bundleName(nodeId, nonce, ++this.#count);
    const published = await Promise.all(groupsOf(frames).map((group) => this.#publish(group, bundle)));
    const operations = published.reduce((sum, count) => sum + count, 0);
    // Of what was left out whole, nothing was begun.
    if (operations > 0 || open !== undefined) await this.#endBundle(bundle);
    this.#parts.published(
      frames.reduce((sum, { bytes }) => sum + bytes, 0),
      operations,
    );
  }

  /** Says that everything of a bundle is there. Where the node may not, its next message says so. */
  async #endBundle(bundle: string): Promise<void> {
    try {
      await this.#persist(() => this.#appendEnd(bundle));
      if (this.#ends++ % ENDS === 0) await this.#parts.thin([BUNDLE, this.#parts.nodeId]);
    } catch (error) {
      if (!isTablecastError(error, 'PEER_REFUSED')) throw error;
      if (this.#mayEnd) this.#parts.stalled(error);
      this.#mayEnd = false;
    }
  }

  async #appendEnd(bundle: string): Promise<boolean> {
    const { link, ledger, nodeId, nonce } = this.#parts;
    const subject = [BUNDLE, nodeId];
    const after = ledger.end;
    const id = `${nonce}.end.${bundle}.${after}`;
    const headers = { 'Tablecast-Bundle': bundle };
    const place = await link.append({ subject, headers, bytes: new Uint8Array(0), after, id });
    ledger.endsAt(place ?? (await link.last(subject))?.place ?? 0);
    return place !== undefined;
  }

  /** Publishes a group, as far as it is not there yet; returns how many operations are taken by it, 0 when it is left out. */
  async #publish(group: Group, bundle: string | undefined): Promise<number> {
    if (this.#refusals.leavesOut(group)) return 0;
    const body = encodeMessage({ type: 'runs', runs: group.runs });
    const pieces = piecesOf(body, this.#parts.link.maxMessageBytes);
    const append = async (): Promise<boolean> => {
      const { ledger } = this.#parts;
      const entry = ledger.entry(group.table, group.origin);
      if (entry.held >= group.last) return true;
      if (entry.held < group.first - 1) {
        this.#parts.lacks(group.table);
        return true;
      }
      return this.#append(group, pieces, bundle);
    };
    if (!(await this.#isTaken(group, append))) return 0;
    const before = this.#refusals.taken(group);
    if (before !== undefined) this.#parts.recovered();
    return group.operations + (before ?? 0);
  }

  /**
   * Appends operations; returns false when the carrier does not take them: that is told, and they are left out for a
   * while. Its own a node publishes until they are taken, unless it may not.
   */
  async #isTaken(group: Group, append: () => Promise<boolean>): Promise<boolean> {
    try {
      await (this.#isOwn(group.origin) ? this.#persist(append) : this.#untilDone(append));
      return true;
    } catch (error) {
      if (!isTablecastError(error, 'PEER_REFUSED')) throw error;
      if (this.#refusals.refused(group)) this.#parts.stalled(error);
      return false;
    }
  }

  async #append(group: Group, pieces: readonly Uint8Array[], bundle: string | undefined): Promise<boolean> {
    const { link, ledger, nodeId, nonce } = this.#parts;
    const { table, origin, session, first, last } = group;
    const subject = subjectOf(table, origin);
    const before = ledger.entry(table, origin);
    for (const [index, bytes] of pieces.entries()) {
      const isLast = index === pieces.length - 1;
      // Of a piece alone nobody has anything: what was there before it is what is there.
      const said = isLast ? { held: last, session } : { held: before.held, session: before.session };
      const headers = headersOf({ ...said, by: nodeId, part: [index, pieces.length], bundle });
      const after = ledger.entry(table, origin).place;
      const id = `${nonce}.${table}.${origin}.${first}-${last}.${index}.${after}`;
      const place = await link.append({ subject, headers, bytes, after, id });
      if (place === undefined) {
        await this.#lookAgain(table, origin);
        return false;
      }
      ledger.note({ subject, headers, place });
    }
    return true;
  }

  /** Something else stands under an author's subject than was known: what is there now counts. */
  async #lookAgain(table: string, origin: string): Promise<void> {
    const { link, ledger } = this.#parts;
    const found = await link.last(subjectOf(table, origin));
    // It may be gone because a checkpoint stands for it.
    if (found === undefined) await this.#parts.refresh(table);
    ledger.stands({ table, origin }, found);
  }

  /** Does something until it is done; what the carrier refuses for now is tried again, ever more slowly. */
  async #persist(attempt: () => Promise<boolean>): Promise<void> {
    const pauses = this.#pauses();
    const stalled = Symbol('stalled');
    while (!this.#isOver) {
      try {
        await this.#untilDone(attempt);
        if (this.#stalled.delete(stalled) && this.#stalled.size === 0) this.#parts.recovered();
        return;
      } catch (error) {
        if (this.#isOver) return;
        if (!isTablecastError(error, 'PEER_REFUSED') || !error.retryable) {
          this.#stalled.delete(stalled);
          throw error;
        }
        // What goes together is refused for one reason, which is told once.
        if (this.#stalled.size === 0) this.#parts.stalled(error);
        this.#stalled.add(stalled);
        await this.#pause(pauses.next());
      }
    }
  }

  /** Does something until it is done; it is done again at once the first time, and then ever more slowly. */
  async #untilDone(attempt: () => Promise<boolean>): Promise<void> {
    const pauses = this.#pauses();
    for (let count = 0; !this.#isOver && !(await attempt()); count++)
      if (count > 0) await this.#pause(pauses.next());
  }

  #pauses(): Backoff {
    const { environment } = this.#parts;
    const options = { firstMs: FIRST_PAUSE_MS, maxMs: LONGEST_PAUSE_MS };
    return new Backoff(options, () => environment.random());
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#timer = this.#parts.environment.schedule(ms, resolve);
    });
  }
}
