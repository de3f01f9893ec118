import { isTablecastError } from '../../errors.ts';
import type { AttachedTable } from './attached-table.ts';
import type { Comparison, Difference } from './comparison.ts';
import type { ZeekHost } from '../host.ts';
import type { OwnChanges } from './own-changes.ts';
import { isOneOf, takeRow } from './taken-row.ts';
import type { Teller } from './teller.ts';
import type { Transfers } from './transfers.ts';
import type { ZeekNodes } from './zeek-nodes.ts';

/** Rows that are taken over before others get their turn. */
const SLICE_ROWS = 1000;
/** So often in a row the connection may break over the question before it is no longer asked. */
const MAX_LOSSES = 2;

/** The parts are what closing a gap needs. */
export interface GapParts {
  readonly host: ZeekHost;
  readonly transfers: Transfers;
  readonly nodes: ZeekNodes;
  readonly teller: Teller;
  /** Says whether Zeek could hold the row of a key. */
  readonly canHold: (attached: AttachedTable, key: unknown) => boolean;
  /** A row is now as Zeek has it. */
  readonly applied: (attached: AttachedTable, keyText: string) => void;
  /** Nobody can know what Zeek changed of a table meanwhile, or it is taken over. */
  readonly missed: (attached: AttachedTable, isMissed: boolean) => void;
}

/** A table to compare with what Zeek holds. */
export interface GapTable {
  readonly attached: AttachedTable;
  /** Says why Zeek's rows say nothing about what Zeek changed; undefined if they do. */
  readonly obstacle: string | undefined;
  /** Lists what changed here meanwhile. Never rejects. */
  readonly own: Promise<OwnChanges>;
}

/** A time says how long nobody listened, and to whom. */
export interface GapTime {
  /** The Zeek process that ran on. */
  readonly server: string;
  /** Undefined when this node was not running. */
  readonly awayMs: number | undefined;
}

interface Outcome {
  readonly table: string;
  readonly changed: number;
  readonly removed: number;
  /** Says why nothing was taken over. */
  readonly reason?: string | undefined;
  /** The connection broke again: the next one closes the gap. */
  readonly broke?: boolean;
}

/** Takes over what a Zeek process changed while this node did not hear it. */
export class Gap {
  readonly #parts: GapParts;
  #losses = 0;
  #isStopped = false;

  constructor(parts: GapParts) {
    this.#parts = parts;
  }

  /** Another Zeek process: what the last one did to the connection does not count. */
  forget(): void {
    this.#losses = 0;
  }

  /** Nothing is taken over from now on. */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Asks for every table before it returns, and takes over what is other when the answers are there.
   * Resolves when all that can be known is known; never rejects.
   */
  async close(tables: readonly GapTable[], time: GapTime): Promise<void> {
    const outcomes = await Promise.all(tables.map((table) => this.#closeTable(table, time.server)));
    if (this.#isStopped) return;
    const broke = outcomes.some((outcome) => outcome.broke === true);
    this.#losses = broke ? this.#losses + 1 : 0;
    outcomes.forEach(({ reason, broke: isOpen }, at) => {
      if (isOpen !== true) this.#parts.missed(tables[at]?.attached as AttachedTable, reason !== undefined);
    });
    this.#reportTaken(outcomes, time);
    this.#reportMissed(outcomes, time);
  }

  async #closeTable({ attached, obstacle, own }: GapTable, server: string): Promise<Outcome> {
    const nothing = { table: attached.name, changed: 0, removed: 0 };
    const worn = this.#losses < MAX_LOSSES ? undefined : 'the connection broke whenever Zeek was asked';
    const reason = obstacle ?? worn;
    if (reason !== undefined) return { ...nothing, reason };
    let comparison: Comparison | undefined;
    try {
      comparison = await this.#parts.transfers.ask(server, attached);
      return { ...nothing, ...(await this.#takeOver(comparison, { own: await own, server })) };
    } catch (error) {
      if (!isTablecastError(error)) throw error;
      const broke = error.code === 'PEER_UNREACHABLE' && !this.#parts.transfers.connected;
      return { ...nothing, reason: error.message, broke };
    } finally {
      comparison?.close();
    }
  }

  async #takeOver(
    comparison: Comparison,
    { own, server }: { readonly own: OwnChanges; readonly server: string },
  ): Promise<Pick<Outcome, 'changed' | 'removed' | 'reason'>> {
    const taken = { changed: 0, removed: 0 };
    if (own === 'all') return { ...taken, reason: 'more was changed here than is remembered row by row' };
    const differences = [...comparison.differences()];
    for (let at = 0; at < differences.length && !this.#isStopped; at += SLICE_ROWS) {
      this.#parts.host.together(() => {
        for (const difference of differences.slice(at, at + SLICE_ROWS)) {
          const done = this.#takeRow(comparison, difference, { own, server });
          if (done !== undefined) taken[done] += 1;
        }
      });
      await new Promise<void>((resolve) => this.#parts.host.environment.defer(resolve));
    }
    return taken;
  }

  #takeRow(
    comparison: Comparison,
    difference: Difference,
    { own, server }: { readonly own: Exclude<OwnChanges, 'all'>; readonly server: string },
  ): 'changed' | 'removed' | undefined {
    const { attached } = comparison;
    const { keyText, zeek } = difference;
    if (comparison.isTouched(keyText)) return undefined;
    if (own.has(keyText)) {
      this.#compareOwn(attached, difference, own.get(keyText));
      return undefined;
    }
    const { host, nodes, canHold, applied } = this.#parts;
    // A row that Zeek could never take was never there, and one that cannot be read may be this row.
    if (zeek === undefined && (comparison.unreadable > 0 || !canHold(attached, difference.key))) return;
    takeRow(host, attached, difference, nodes.proxyOf(server));
    applied(attached, keyText);
    return zeek === undefined ? 'removed' : 'changed';
  }

  /** This node changed a row meanwhile, and says so to Zeek; whether Zeek changed it as well. */
  #compareOwn(
    attached: AttachedTable,
    difference: Difference,
    states: ReturnType<Exclude<OwnChanges, 'all'>['get']>,
  ): void {
    if (states === undefined || isOneOf(attached, difference, states)) return;
    const { name } = attached;
    const what = `Zeek and this node both changed rows of ${name} while they were apart, this node's stand`;
    const example = String(difference.key);
    this.#parts.teller.note({ code: 'zeek-diverged', table: name, what, example });
  }

  #reportTaken(outcomes: readonly Outcome[], { awayMs }: GapTime): void {
    const taken = outcomes.filter(({ reason }) => reason === undefined);
    if (taken.length === 0) return;
    const sum = (which: 'changed' | 'removed'): number =>
      taken.reduce((total, outcome) => total + outcome[which], 0);
    const [changed, removed] = [sum('changed'), sum('removed')];
    const message = `Zeek went on without this node ${timeText(awayMs)}: took over ${changed} rows that it wrote and ${removed} that it removed.`;
    const tables = taken.map(({ table }) => table);
    const details = { awayMs, changed, removed, tables };
    this.#parts.teller.report({ code: 'zeek-caught-up', severity: 'info', message, details });
    this.#parts.teller.status('caught-up', { rows: changed + removed, detail: message });
  }

  #reportMissed(outcomes: readonly Outcome[], { awayMs }: GapTime): void {
    // A connection that broke meanwhile comes back, and the question with it.
    const missed = outcomes.filter(({ reason, broke }) => reason !== undefined && broke !== true);
    if (missed.length === 0) return;
    const reasons = [...new Set(missed.map(({ reason }) => reason))].slice(0, 5).join(' ');
    const message = `Zeek went on without this node ${timeText(awayMs)}: rows that it changed meanwhile are not known here until it writes them again. Why: ${reasons}`;
    const tables = missed.map(({ table }) => table);
    const details = { awayMs, tables, reasons };
    this.#parts.teller.report({ code: 'zeek-missed', severity: 'warning', message, details });
    this.#parts.teller.status('diverged', { rows: 0, detail: message });
  }
}

function timeText(awayMs: number | undefined): string {
  return awayMs === undefined ? 'while it was not running' : `for ${awayMs} ms`;
}
