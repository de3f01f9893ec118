import { isTablecastError } from '../../errors.ts';
import type { Operation } from '../../log/operations/operation.ts';
import type { AttachedTable } from './attached-table.ts';
import type { Comparison, Difference } from './comparison.ts';
import { historyOf, type KeyHistory } from './history.ts';
import type { ZeekHost } from '../host.ts';
import { isOneOf, takeRow } from './taken-row.ts';
import type { Outbound } from './outbound.ts';
import { nodeTopic } from './script-events.ts';
import type { Teller } from './teller.ts';
import type { Transfers } from './transfers.ts';
import type { WatchedNode } from './watched-node.ts';
import type { ZeekNodes } from './zeek-nodes.ts';

/** Rows that are made good before others get their turn. */
const SLICE_ROWS = 1000;

/** The parts are what making good a loss needs. */
export interface RepairParts {
  readonly host: ZeekHost;
  readonly nodes: ZeekNodes;
  readonly outbound: Outbound;
  readonly teller: Teller;
  readonly transfers: Transfers;
  /** Returns whether an origin's operations come from the cluster. */
  isTheirs(origin: string): boolean;
}

/** A case says which table differs at which Zeek node, and what is known of the reason. */
export interface RepairCase {
  readonly node: WatchedNode;
  readonly attached: AttachedTable;
  readonly agreedAt: number | undefined;
  /** Up to this position of the log nothing that this node sent to that Zeek node was lost. */
  readonly arrivedUntil: number;
}

/** The outcome counts rows; `failure` says why there are none. */
export interface RepairOutcome {
  /** Rows that Zeek had written, taken over. */
  readonly changed: number;
  /** Rows that Zeek had removed, taken over. */
  readonly removed: number;
  /** Rows that Zeek had not got, sent again. */
  readonly sent: number;
  /** Keys that changed meanwhile, of which nothing is said. */
  readonly undecided: number;
  /** Rows that differ and that nobody can mend: Zeek cannot take them, or says what cannot be read. */
  readonly left: number;
  /** Rows that Zeek told. */
  readonly rowsAtZeek: number;
  readonly failure?: string | undefined;
}

type Verdict = 'taken' | 'sent' | 'left';

/** Makes a table the same here and at one Zeek node, after something was lost between the two. */
export class Repair {
  readonly #parts: RepairParts;
  #isStopped = false;

  constructor(parts: RepairParts) {
    this.#parts = parts;
  }

  /** Nothing is taken over from now on. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Asks the Zeek node what it holds, and makes the difference good. Never rejects. */
  async run(repaired: RepairCase): Promise<RepairOutcome> {
    const nothing = { changed: 0, removed: 0, sent: 0, undecided: 0, left: 0, rowsAtZeek: 0 };
    let comparison: Comparison | undefined;
    try {
      comparison = await this.#ask(repaired);
      return await this.#makeGood(repaired, comparison);
    } catch (error) {
      if (!isTablecastError(error)) throw error;
      return { ...nothing, failure: error.message };
    } finally {
      comparison?.close();
    }
  }

  #ask({ node, attached }: RepairCase): Promise<Comparison> {
    const { outbound, transfers } = this.#parts;
    const asked = transfers.ask(node.id, attached);
    const { schema } = attached.projection;
    // The answer is older than what waits to be sent.
    for (const key of outbound.waiting(attached)) transfers.touched(attached, schema.keyText(key));
    return asked;
  }

  async #makeGood(repaired: RepairCase, comparison: Comparison): Promise<RepairOutcome> {
    const { attached, node, agreedAt } = repaired;
    const { host } = this.#parts;
    const differences = [...comparison.differences()];
    const counts = { changed: 0, removed: 0, sent: 0, left: 0 };
    const { undecided, rows: rowsAtZeek } = comparison;
    // The log of a table is long: it is read for what differs alone.
    if (differences.length === 0) return { ...counts, undecided, rowsAtZeek };
    const history = await historyOf(host, attached, {
      keys: new Set(differences.map(({ keyText }) => keyText)),
      agreedAt,
      hasHad: (operation) => this.#hasHad(repaired, operation),
      couldSend: ({ key, value, time }) =>
        this.#parts.outbound.couldSend(attached, { kind: 'new', key, value, time }),
    });
    const toSend: Difference[] = [];
    for (let at = 0; at < differences.length && !this.#isStopped; at += SLICE_ROWS) {
      host.together(() => {
        for (const difference of differences.slice(at, at + SLICE_ROWS)) {
          const verdict = this.#settle(comparison, difference, { node, history });
          if (verdict === 'sent') toSend.push(difference);
          if (verdict === 'left') counts.left += 1;
          if (verdict === 'taken') counts[difference.zeek === undefined ? 'removed' : 'changed'] += 1;
        }
      });
      await new Promise<void>((resolve) => host.environment.defer(resolve));
    }
    counts.sent = toSend.length;
    this.#send(repaired, toSend);
    return { ...counts, undecided: comparison.undecided, rowsAtZeek };
  }

  #hasHad({ node, arrivedUntil }: RepairCase, { origin, position }: Operation): boolean {
    if (position <= node.since) return false;
    const { nodes } = this.#parts;
    return (
      origin.startsWith(`${nodes.proxyOf(node.id)}@`) ||
      (position <= arrivedUntil && !this.#parts.isTheirs(origin))
    );
  }

  #settle(
    comparison: Comparison,
    difference: Difference,
    known: { readonly node: WatchedNode; readonly history: ReadonlyMap<string, KeyHistory> | undefined },
  ): Verdict {
    const { attached, unreadable } = comparison;
    const { keyText, key, zeek } = difference;
    const { outbound } = this.#parts;
    // What Zeek cannot take it has never had, whatever it holds; and one that cannot be read may be this row.
    const isUnclear = (zeek === undefined && unreadable > 0) || !outbound.canSend(attached, key);
    if (comparison.isTouched(keyText) || isUnclear) return 'left';
    const { history } = known;
    const here = attached.projection.rows.find(keyText);
    // Without a history no row goes away; where values differ, this node's stands.
    const isOlder =
      history === undefined ? here !== undefined : explains(attached, difference, history.get(keyText));
    if (isOlder) return 'sent';
    const { host, nodes } = this.#parts;
    takeRow(host, attached, difference, nodes.proxyOf(known.node.id));
    outbound.settle(attached, keyText);
    return 'taken';
  }

  #send({ attached, node }: RepairCase, rows: readonly Difference[]): void {
    if (rows.length === 0) return;
    const keys = rows.map(({ key }) => key);
    this.#parts.outbound.refill({
      attached,
      topic: nodeTopic(node.id),
      removals: true,
      announced: false,
      keys,
    });
  }
}

/** Returns whether a Zeek node holds what it would hold if it had only missed changes that are known here. */
function explains(attached: AttachedTable, difference: Difference, history: KeyHistory | undefined): boolean {
  if (history === undefined) return difference.zeek === undefined;
  const { states } = history;
  return states === undefined || isOneOf(attached, difference, states);
}
