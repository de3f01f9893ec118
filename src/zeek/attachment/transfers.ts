import type { Timer } from '../../environment.ts';
import { isTablecastError, TablecastError, type ErrorCode } from '../../errors.ts';
import { readChangeHeader, readChanges, type ZeekEvent, type ZeekLimits } from '../protocol/index.ts';
import type { AttachedTable } from './attached-table.ts';
import { Comparison } from './comparison.ts';
import { CONTENT_TOPIC, contentTopic, contentWantedFrame, readContentMark } from './content-events.ts';
import type { ZeekHost } from '../host.ts';
import type { Teller } from './teller.ts';
import type { ZeekNodes } from './zeek-nodes.ts';

/** Bounds how often an answer that did not come is asked for. */
const MAX_ATTEMPTS = 3;
/**
 * Rows for which an answer may take as long again: Zeek says nothing while it makes it, and an answer that came after
 * it was given up would be made thrice, each time too late.
 */
const ROWS_PER_ANSWER = 50_000;

/** The parts are what asking needs. */
export interface TransferParts {
  readonly host: ZeekHost;
  readonly teller: Teller;
  readonly nodes: ZeekNodes;
  readonly limits: ZeekLimits;
  /** Most rows of one table that are taken. */
  readonly maxRows: number;
  /** An answer of which nothing came for so long, longer for a large table, is asked for again. */
  readonly answerMs: number;
  /** Changes that Zeek made before it answered may arrive so much later than the answer. */
  readonly settleMs: number;
}

interface Asked {
  readonly attached: AttachedTable;
  readonly server: string;
  resolve(comparison: Comparison): void;
  reject(error: TablecastError): void;
}

/** One question and what came of its answer. */
interface Transfer extends Asked {
  readonly attempt: number;
  readonly comparison: Comparison;
  timer: Timer;
  /** Rows that the table has, once that is known. */
  rows: number | undefined;
  received: number;
  ended: boolean;
  settling: boolean;
}

/**
 * Asks Zeek processes that have loaded the script package what their tables hold. An answer counts only
 * when it came whole: begin, as many rows as the begin says, and end.
 */
export class Transfers {
  readonly #parts: TransferParts;
  /** By question. */
  readonly #running = new Map<string, Transfer>();
  readonly #open = new Set<Comparison>();
  #heardAt = -Infinity;
  #isConnected = false;
  #isClosed = false;

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  /**
   * Asks a process for a table. The question goes out before this returns, so that what is sent later
   * cannot be part of the answer. Resolves with a comparison that the caller must close. Rejects with
   * `PEER_REFUSED` when the process does not tell, `LIMIT_EXCEEDED` for too many rows, `PEER_UNREACHABLE`
   * when the connection breaks or no whole answer comes, `CLOSED`.
   */
  ask(server: string, attached: AttachedTable): Promise<Comparison> {
    return new Promise((resolve, reject) => {
      this.#start({ attached, server, resolve, reject }, 1);
    });
  }

  #start(asked: Asked, attempt: number): void {
    const { host, teller, maxRows } = this.#parts;
    const { attached, server } = asked;
    if (!this.#isConnected) {
      asked.reject(
        this.#isClosed
          ? failure('CLOSED', 'The attachment is closed', 'Attach again.')
          : failure('PEER_UNREACHABLE', 'There is no connection with Zeek', 'It is tried again.'),
      );
      return;
    }
    if (teller.lacksScripts) {
      asked.reject(withoutPackage());
      return;
    }
    const question = newQuestion(host);
    const comparison = new Comparison(attached, (closed) => this.#open.delete(closed));
    this.#open.add(comparison);
    const timer = host.environment.schedule(this.#patienceMs(attached), () => this.#late(question));
    const transfer = { rows: undefined, received: 0, ended: false, settling: false };
    this.#running.set(question, { ...asked, ...transfer, attempt, comparison, timer });
    const { name: table } = attached;
    teller.sendToScripts(contentWantedFrame(host.id, { zeekNode: server, table, question, maxRows }));
  }

  /** Takes an event if it belongs to an answer, of any question; true if it does. Never throws. */
  take(event: ZeekEvent): boolean {
    if (!event.topic.startsWith(CONTENT_TOPIC)) return false;
    const own = contentTopic(this.#parts.host.id);
    const question = event.topic.slice(own.length, -1);
    const transfer = event.topic.startsWith(own) ? this.#running.get(question) : undefined;
    if (transfer === undefined || transfer.settling) return true;
    try {
      this.#take(event, question, transfer);
    } catch (error) {
      if (!isTablecastError(error)) throw error;
      // A frame that cannot be read: its rows will be found missing.
      this.#note(transfer, error.message);
    }
    return true;
  }

  #take(event: ZeekEvent, question: string, transfer: Transfer): void {
    const { attached, server } = transfer;
    const mark = readContentMark(event);
    if (mark !== undefined) {
      this.#parts.teller.scriptsLoaded();
      if (mark.question !== question || mark.zeekNode !== server || mark.table !== attached.name) return;
      if (mark.kind === 'begins') {
        transfer.rows = mark.rows;
        // Its announcement may have been heard by an earlier life of this node only.
        if (mark.name !== '') this.#parts.nodes.meet(server, mark.name);
      } else if (mark.complete) transfer.ended = true;
      else return this.#refused(question, transfer);
    } else if (!this.#takeRows(event, transfer)) return;
    this.#heardAt = this.#parts.host.environment.elapsed();
    this.#proceed(question, transfer);
  }

  /** False for rows that are not the process's, or of another table. */
  #takeRows(event: ZeekEvent, transfer: Transfer): boolean {
    const { attached, comparison } = transfer;
    const raw = readChangeHeader(event, this.#parts.limits);
    if (raw?.header.nodeId !== transfer.server || raw.header.table !== attached.name) return false;
    transfer.received += raw.infos.length;
    if (transfer.received > this.#parts.maxRows) return true;
    const { changes, refused } = readChanges(attached.zeek, raw);
    for (const { error } of refused) this.#unreadable(transfer, error.message);
    for (const change of changes) {
      try {
        if (change.kind === 'new') comparison.take(change);
        else this.#unreadable(transfer, `a row that is ${change.kind}`);
      } catch (error) {
        if (!isTablecastError(error)) throw error;
        this.#unreadable(transfer, error.message);
      }
    }
    comparison.rows = transfer.received;
    return true;
  }

  #proceed(question: string, transfer: Transfer): void {
    const { host, maxRows, settleMs } = this.#parts;
    const { rows, received, ended, comparison } = transfer;
    if (Math.max(received, rows ?? 0) > maxRows) return this.#refused(question, transfer);
    if (rows === undefined || !ended || received < rows) return;
    // More rows than Zeek said: not its answer alone.
    if (received > rows) return this.#again(question, transfer);
    transfer.timer.cancel();
    transfer.settling = true;
    transfer.timer = host.environment.schedule(settleMs, () => {
      this.#running.delete(question);
      if (!comparison.overflowed) return transfer.resolve(comparison);
      comparison.close();
      const what = `Too many rows of ${comparison.attached.name} changed while Zeek told what it holds`;
      transfer.reject(failure('LIMIT_EXCEEDED', what, 'Ask again when there is less traffic.'));
    });
  }

  /** A key that Zeek or somebody else changed now. */
  touched(attached: AttachedTable, keyText: string): void {
    for (const comparison of this.#open) if (comparison.attached === attached) comparison.touch(keyText);
  }

  /** The process has not loaded the script package. */
  unsupported(): void {
    this.#endAll(withoutPackage());
  }

  get connected(): boolean {
    return this.#isConnected;
  }

  /** Questions can be asked. */
  begin(): void {
    this.#isConnected = true;
  }

  /** Ends what is on its way: it will not arrive. */
  disconnected(): void {
    this.#isConnected = false;
    this.#endAll(failure('PEER_UNREACHABLE', 'The connection with Zeek broke', 'It is tried again.'));
  }

  /** Ends everything. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#isConnected = false;
    this.#endAll(failure('CLOSED', 'The attachment was closed', 'Attach again.'));
    for (const comparison of this.#open) comparison.close();
  }

  #endAll(error: TablecastError): void {
    for (const [question, transfer] of this.#running) this.#end(question, transfer, error);
  }

  /** Time has passed: what has arrived meanwhile, and only waits for its turn, counts. */
  #late(question: string): void {
    this.#parts.host.environment.defer(() => this.#silent(question));
  }

  #silent(question: string): void {
    const transfer = this.#running.get(question);
    if (transfer === undefined || transfer.settling) return;
    const { host } = this.#parts;
    // Zeek answers one question after the other.
    const left =
      this.#heardAt + this.#patienceMs(transfer.attached, transfer.rows) - host.environment.elapsed();
    if (left > 0) transfer.timer = host.environment.schedule(left, () => this.#late(question));
    else this.#again(question, transfer);
  }

  /** The rows that a Zeek process has are known once its answer begins. */
  #patienceMs({ projection }: AttachedTable, rows = 0): number {
    const most = Math.max(projection.rows.size, rows);
    return this.#parts.answerMs * (1 + Math.floor(most / ROWS_PER_ANSWER));
  }

  #again(question: string, transfer: Transfer): void {
    const { attached, attempt } = transfer;
    if (attempt >= MAX_ATTEMPTS) {
      const what = `Zeek did not tell whole what ${attached.name} holds, asked ${MAX_ATTEMPTS} times`;
      const hint = 'Is Zeek overloaded, or is its process another one than the WebSocket server?';
      this.#end(question, transfer, failure('PEER_UNREACHABLE', what, hint));
      return;
    }
    this.#forget(question, transfer);
    this.#start(transfer, attempt + 1);
  }

  #refused(question: string, transfer: Transfer): void {
    const { maxRows } = this.#parts;
    const { rows = 0, received, attached } = transfer;
    const count = Math.max(rows, received);
    const error =
      count > maxRows
        ? failure(
            'LIMIT_EXCEEDED',
            `${attached.name} has ${count} rows at Zeek, more than ${maxRows}`,
            'Raise limits.maxContentRows of the attachment.',
          )
        : failure(
            'PEER_REFUSED',
            `Zeek does not tell what ${attached.name} holds`,
            'Add it to Tablecast::tables; its variable must not have been assigned a fresh table.',
          );
    this.#end(question, transfer, error);
  }

  #end(question: string, transfer: Transfer, error: TablecastError): void {
    this.#forget(question, transfer);
    transfer.reject(error);
  }

  #forget(question: string, transfer: Transfer): void {
    this.#running.delete(question);
    transfer.timer.cancel();
    transfer.comparison.close();
  }

  #unreadable(transfer: Transfer, reason: string): void {
    transfer.comparison.unreadable += 1;
    this.#note(transfer, reason);
  }

  #note({ attached: { name } }: Transfer, example: string): void {
    const what = `Rows of ${name} at Zeek cannot be read`;
    this.#parts.teller.note({ code: 'zeek-refused', table: name, what, example });
  }
}

function newQuestion({ environment }: ZeekHost): string {
  const part = (): string => Math.floor(environment.random() * 0x1_0000_0000).toString(36);
  return `${part()}-${part()}`;
}

function withoutPackage(): TablecastError {
  return failure('PEER_REFUSED', 'Zeek has not loaded the script package', 'Load the package in zeek/.');
}

function failure(code: ErrorCode, what: string, hint: string): TablecastError {
  return new TablecastError(code, `${what}.`, { hint, retryable: code === 'PEER_UNREACHABLE' });
}
