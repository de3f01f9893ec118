import type { Recovery } from '../backend.ts';
import type { Environment } from '../../environment.ts';
import type { Wall } from '../operations/wall-clock.ts';
import { KeyNames } from '../runs/key-names.ts';
import { type DecoderOf, learnNames } from '../reading/operation-reader.ts';
import { AgeMarks, type RetentionLimits } from './retention.ts';
import type { SegmentStore } from '../keeping/segment-store.ts';

/** Under this name, which no table can have, the names at the log's beginning are kept like a checkpoint. */
export const LOG_NAMES = '(names)';
const AGES_FACT = 'retention:ages';
const PAGE_BYTES = 1024 * 1024;
/** Trimming is worth its price when this many positions go, and a quarter of what stays. */
const MIN_TRIM = 1024;
const TRIM_SHARE = 4;
/** Positions trimmed per look at most. */
const MAX_TRIM = 4_000_000;
/** A look in which more positions than this were added does no sealing, unless so much waits for it. */
const QUIET_POSITIONS = 20_000;
const MAX_UNSEALED = 4_000_000;
/** Blocks sealed per look, and how long to pause before the next one, as a multiple of what the last one took. */
const BLOCKS_PER_LOOK = 64;
const PAUSE_SHARE = 1;
const MAX_PAUSE_MS = 1000;

/** The parts are what a {@link LogKeeper} works with. */
export interface LogKeeperParts {
  readonly environment: Environment;
  /** Age counts by it: a jump of the clock that may be taken back lets nothing go. */
  readonly wall: Wall;
  readonly retention: RetentionLimits;
  readonly decoderOf: DecoderOf;
  /** Another number of positions from which trimming is worth it. */
  readonly minTrim?: number | undefined;
}

/**
 * Looks after the old part of a durable log: seals what checkpoints cover when the node is not busy, and
 * trims what is to be kept no longer, never more than checkpoints cover durably.
 */
export class LogKeeper {
  readonly #store: SegmentStore;
  readonly #parts: LogKeeperParts;
  readonly #ages: AgeMarks | undefined;
  #names: KeyNames | undefined;
  #sealedTo = 0;
  #lastAppended = 0;
  #wanted = 0;
  /** Trimmed as far as possible up to here: a block that reaches beyond it stays. */
  #triedTo = 0;
  #stopped = false;
  #endPause: () => void = () => undefined;

  constructor(store: SegmentStore, parts: LogKeeperParts) {
    this.#store = store;
    this.#parts = parts;
    const { ageMs } = parts.retention;
    if (ageMs !== undefined) this.#ages = new AgeMarks(ageMs);
  }

  /** Gives what key numbers stand for that were named in what was trimmed. */
  get names(): KeyNames | undefined {
    return this.#names;
  }

  /** Checkpoints should reach this far, so that what is too old can go. */
  get wanted(): number {
    return this.#wanted;
  }

  /** Takes over what the store remembers; before anything is read. */
  recover(recovery: Pick<Recovery, 'checkpoints' | 'facts' | 'lastPosition'>): void {
    const names = recovery.checkpoints.find(({ table }) => table === LOG_NAMES);
    if (names !== undefined) this.#names = KeyNames.decode(names.chunks);
    const ages = recovery.facts.get(AGES_FACT);
    if (ages !== undefined) this.#ages?.decode(ages);
    this.#lastAppended = recovery.lastPosition;
  }

  /** One look at what is due; `covered` is the position that every table's published checkpoint covers. */
  async tend(covered: number): Promise<void> {
    const store = this.#store;
    const { appended } = store;
    const quiet = appended - this.#lastAppended < QUIET_POSITIONS;
    this.#lastAppended = appended;
    this.#noteAge(appended);
    const due = await this.#due();
    const end = Math.min(due, covered, store.committed, this.#begun + MAX_TRIM);
    if (end > this.#begun) await this.#trim(end);
    const sealable = Math.min(covered, store.committed);
    if (quiet || sealable - this.#sealedTo > MAX_UNSEALED) await this.#seal(sealable);
  }

  stop(): void {
    this.#stopped = true;
    this.#endPause();
  }

  /** Is where the log begins: what lies before it is trimmed, or cannot be yet. */
  get #begun(): number {
    return Math.max(this.#store.trimmedTo, this.#triedTo);
  }

  #noteAge(position: number): void {
    const ages = this.#ages;
    if (ages === undefined || !ages.note(this.#parts.wall.believed(), position)) return;
    this.#store.remember(new Map([[AGES_FACT, ages.encode()]]));
  }

  /** Returns the position to which the log is to be trimmed; 0 when nothing is worth it. */
  async #due(): Promise<number> {
    const { operations, bytes } = this.#parts.retention;
    const { appended } = this.#store;
    const begun = this.#begun;
    const byCount = operations === undefined ? 0 : appended - operations;
    const byBytes = bytes === undefined ? 0 : await this.#store.backend.positionKeeping(bytes);
    const byAge = this.#ages?.due(this.#parts.wall.believed(), begun) ?? 0;
    this.#wanted = byAge;
    const bySize = Math.max(byCount, byBytes);
    const worth =
      bySize - begun >= Math.max(this.#parts.minTrim ?? MIN_TRIM, (appended - bySize) / TRIM_SHARE);
    return Math.max(byAge, worth ? bySize : 0);
  }

  /** Keys first, then the log: a crash between the two leaves names that nobody needs yet. */
  async #trim(end: number): Promise<void> {
    const names = new KeyNames(this.#names);
    names.beginUse();
    await this.#learn(names, end);
    if (this.#stopped) return;
    names.forgetUnused();
    await this.#store.backend.writeCheckpoint({ table: LOG_NAMES, position: end, chunks: names.encode() });
    this.#names = names;
    await this.#store.trim(end);
    this.#triedTo = end;
    this.#ages?.forgetTo(this.#store.trimmedTo);
  }

  async #learn(names: KeyNames, end: number): Promise<void> {
    let cursor = this.#store.trimmedTo;
    while (cursor < end && !this.#stopped) {
      const segments = await this.#store.backend.read(cursor, PAGE_BYTES);
      for (const segment of segments) {
        if (segment.position > end) return;
        learnNames(segment, names, this.#parts.decoderOf);
        cursor = segment.position + segment.span - 1;
      }
      if (segments.length === 0) return;
    }
  }

  async #seal(position: number): Promise<void> {
    const { environment } = this.#parts;
    for (let blocks = 0; blocks < BLOCKS_PER_LOOK && !this.#stopped; blocks++) {
      const begun = environment.elapsed();
      if (!(await this.#store.backend.seal(position))) {
        this.#sealedTo = position;
        return;
      }
      const tookMs = Math.max(1, (environment.elapsed() - begun) * PAUSE_SHARE);
      if (!this.#stopped) await this.#pause(Math.min(MAX_PAUSE_MS, tookMs));
    }
  }

  /** Over at once when the keeper is stopped: the timer alone would keep no process alive to see its end. */
  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.environment.schedule(delayMs, resolve);
      this.#endPause = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
