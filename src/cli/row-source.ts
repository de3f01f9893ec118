import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ErrorCode,
  type MapTable,
  type SetTable,
  TablecastError,
  type UndoOptions,
  isTablecastError,
} from '../index.ts';
import { usageError } from './failure.ts';
import {
  type OpenVisit,
  type RowAnswer,
  type RowRequest,
  type VisitedTable,
  type Visitor,
  cellOf,
  cellText,
  openVisit,
} from '../visiting/index.ts';
import { type PeerFlags, requirePeerUrl } from './command.ts';
import { commandId } from './command-id.ts';
import { readCredentials } from './credentials.ts';
import { type JoinedNode, hintFor, inTime, noTable, notDurable, withNode } from './joined-node.ts';

/** With `--wait`, milliseconds between two attempts to connect. */
const AGAIN_MS = 250;

/** One thing that is asked of a row, in the table's own values. */
export interface RowQuestion {
  readonly act: RowRequest['act'];
  readonly key: unknown;
  /** Is set, or added. */
  readonly value?: unknown;
}

/** A row as it is afterwards. */
export interface AskedRow {
  readonly existed: boolean;
  readonly value: unknown;
}

/** A table of a running node that is asked row by row, and where so many others are to hold what is written. */
export interface RowSource {
  readonly nodeId: string;
  readonly declaration: VisitedTable['declaration'];
  ask(question: RowQuestion): Promise<AskedRow>;
  /** Has the node take back what one author wrote. Throws what {@link Table.undo} throws. */
  undo(options: UndoOptions & { readonly dryRun: boolean }): Promise<Undone>;
}

/** An undone row is a key with the write that an undo makes. */
export interface UndoneRow {
  readonly key: unknown;
  readonly kind: 'set' | 'delete' | 'increment';
  readonly value: unknown;
}

/** Undone says to how many keys an undo writes, to how many it does not, and the first writes. */
export interface Undone {
  readonly writes: number;
  readonly kept: number;
  readonly first: readonly UndoneRow[];
}

/** Others are nodes beside the one that is asked, so many of whom, with it, are to hold a write. */
export interface Others {
  readonly others: readonly string[];
  readonly peers: number;
}

/**
 * Asks the node that the flags name about rows of a table, and leaves, whatever happens. The table is not copied: the
 * node answers one row. Only a node of 0.2 or earlier does not, which is joined, and its table copied.
 */
export async function withRows<T>(
  name: string,
  flags: PeerFlags,
  act: (rows: RowSource) => Promise<T>,
  { others, peers }: Others = { others: [], peers: 1 },
): Promise<T> {
  const visits: OpenVisit[] = [];
  try {
    for (const url of [flags.peer, ...others]) visits.push(await visit(url, flags));
    const [first, ...more] = visits.map(({ visitor }) => visitor) as [Visitor, ...Visitor[]];
    if (visits.every(({ visitor }) => visitor.isAnswered)) {
      const table = await tableOf(first, name, flags);
      return await act(new VisitedRows({ name, flags, visitor: first, table, others: more, peers }));
    }
  } finally {
    await Promise.all(visits.map((open) => open.close()));
  }
  return withNode(
    flags,
    async (joined) =>
      act(
        await joinedRows(joined, name, async () => {
          if (others.length > 0) await joined.node.flush({ peers, timeoutMs: flags.timeout });
        }),
      ),
    { others },
  );
}

/** Connects with a node in order to ask it, as long as the flags say. Rejects with `PEER_UNREACHABLE` or `PEER_REFUSED`. */
export async function visit(url: string, flags: PeerFlags): Promise<OpenVisit> {
  requirePeerUrl(url);
  const signal = AbortSignal.timeout(flags.timeout);
  const options = { node: commandId(), auth: readCredentials(flags), signal };
  for (;;) {
    try {
      return await inTime(openVisit(url, options), flags.timeout, `${url} did not answer`);
    } catch (error) {
      const isAgain = flags.wait === true && isTablecastError(error, 'PEER_UNREACHABLE') && !signal.aborted;
      if (!isAgain) throw signal.aborted ? unanswered(url, flags) : hinted(error);
      await delay(AGAIN_MS);
    }
  }
}

function unanswered(url: string, { timeout }: PeerFlags): TablecastError {
  return new TablecastError('PEER_UNREACHABLE', `${url} did not answer within ${timeout} ms.`, {
    hint: 'Give it longer with --timeout 1m, or look at the log of that node.',
    retryable: true,
  });
}

function hinted(error: unknown): unknown {
  if (!isTablecastError(error)) return error;
  const { code, message } = error;
  if (code !== 'PEER_UNREACHABLE' && code !== 'PEER_REFUSED') return error;
  return new TablecastError(code, message, { hint: hintFor(code, message), cause: error });
}

/** Returns a table of the node that is asked. Throws `OPTION_INVALID` where there is none. */
export async function tableOf(visitor: Visitor, name: string, flags: PeerFlags): Promise<VisitedTable> {
  const table = await inTime(
    visitor.table(name),
    flags.timeout,
    `Node ${visitor.nodeId} did not say its tables`,
  );
  if (table === undefined) throw noTable(visitor.nodeId, visitor.address, { name, names: visitor.names });
  return table;
}

interface VisitedRowsParts {
  readonly name: string;
  readonly flags: PeerFlags;
  readonly visitor: Visitor;
  readonly table: VisitedTable;
  readonly others: readonly Visitor[];
  readonly peers: number;
}

/** Rows that a running node answers one by one. */
class VisitedRows implements RowSource {
  readonly #parts: VisitedRowsParts;

  constructor(parts: VisitedRowsParts) {
    this.#parts = parts;
  }

  get nodeId(): string {
    return this.#parts.visitor.nodeId;
  }

  get declaration(): VisitedTable['declaration'] {
    return this.#parts.table.declaration;
  }

  async ask({ act, key, value }: RowQuestion): Promise<AskedRow> {
    const { name, flags, visitor, table } = this.#parts;
    const { schema } = table;
    const cell =
      value === undefined
        ? undefined
        : cellText(act === 'increment' ? (value as number) : schema.toColumn(schema.value(value)));
    const asked = visitor.ask({
      act,
      table: name,
      key: schema.keyText(key),
      ...(cell !== undefined && { cell }),
    });
    const answer = await inTime(asked, flags.timeout, `Node ${visitor.nodeId} did not answer`);
    if (answer.problem !== undefined) throw this.#problem(answer, answer.problem);
    await this.#held(answer);
    const after = answer.cell === undefined ? undefined : schema.fromColumn(cellOf(answer.cell));
    return { existed: answer.existed === true, value: after };
  }

  async undo({ origin, since, dryRun }: UndoOptions & { readonly dryRun: boolean }): Promise<Undone> {
    const { name, flags, visitor, table } = this.#parts;
    const asked = visitor.ask({ act: 'undo', table: name, key: '', undo: { origin, ...since, dryRun } });
    const { problem, undone } = await inTime(asked, flags.timeout, `Node ${visitor.nodeId} did not answer`);
    if (problem !== undefined || undone === undefined)
      throw this.#problem({ number: 0 }, problem ?? { code: 'INTERNAL', message: 'No answer.', hint: '' });
    const { schema } = table;
    const first = undone.first.map(({ key, kind, cell }) => ({
      key: schema.keyOf(key),
      kind,
      value: cell === undefined ? undefined : kind === 'set' ? schema.fromColumn(cellOf(cell)) : cellOf(cell),
    }));
    return { ...undone, first };
  }

  #problem(
    { written }: RowAnswer,
    { code, message, hint }: NonNullable<RowAnswer['problem']>,
  ): TablecastError {
    const isWritten = written !== undefined;
    if (isWritten || code.startsWith('BACKEND_'))
      return notDurable(this.nodeId, { problem: code, isWritten });
    return new TablecastError(code as ErrorCode, message, { hint });
  }

  /** Waits until enough of the others hold what was written. */
  async #held({ written }: RowAnswer): Promise<void> {
    const { name, others, peers, flags } = this.#parts;
    if (written === undefined || others.length === 0) return;
    const missing = new Set(others);
    const holding = others.map(async (other) => {
      await other.holds({ table: name, ...written });
      missing.delete(other);
    });
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), flags.timeout);
    try {
      await Promise.race([allBut(holding, 1 + holding.length - peers), once(late.signal, 'abort')]);
    } finally {
      clearTimeout(timer);
    }
    const held = 1 + others.length - missing.size;
    if (held >= peers) return;
    throw behind({
      held,
      peers,
      missing: Array.from(missing, ({ nodeId }) => nodeId),
      timeout: flags.timeout,
    });
  }
}

/** Resolves when all promises but so many have resolved. Rejects when that cannot be any more. */
async function allBut(promises: readonly Promise<void>[], spared: number): Promise<void> {
  let left = promises.length - spared;
  let failures = 0;
  if (left <= 0) return;
  await new Promise<void>((resolve, reject) => {
    for (const one of promises) {
      one.then(
        () => void (--left === 0 && resolve()),
        (error: unknown) => void (++failures > spared && reject(error as Error)),
      );
    }
  });
}

function behind(of: {
  readonly held: number;
  readonly peers: number;
  readonly missing: readonly string[];
  readonly timeout: number;
}): TablecastError {
  const { held, peers, missing, timeout } = of;
  return new TablecastError(
    'PEERS_BEHIND',
    `Within ${timeout} ms ${held} of ${peers} nodes held the write, which stands in the first. Not so: ${missing.join(', ')}.`,
    {
      hint: 'Wait longer with --timeout 1m; tablecast status says what keeps a node behind, and whether they are connected.',
      retryable: true,
      details: { held, wanted: peers, timeoutMs: timeout },
    },
  );
}

/** Rows of a node of 0.2 or earlier: it answers no visitor, so the table is copied. */
async function joinedRows(joined: JoinedNode, name: string, held: () => Promise<void>): Promise<RowSource> {
  const { table, declaration } = await joined.join(name);
  const rowOf = (key: unknown): unknown =>
    declaration.value === undefined || !table.has(key) ? undefined : (table as MapTable).get(key);
  const ask = async ({ act, key, value }: RowQuestion): Promise<AskedRow> => {
    const existed = table.has(key);
    if (act === 'get') return { existed, value: rowOf(key) };
    if (act === 'delete') table.delete(key);
    else if (act === 'touch') table.touch(key);
    else if (act === 'increment') (table as MapTable).increment(key, value as number);
    else if (declaration.value === undefined) (table as unknown as SetTable).add(key);
    else (table as MapTable).set(key, value);
    await joined.confirmed(1, name);
    await held();
    return { existed, value: rowOf(key) };
  };
  const undo = (): Promise<never> =>
    Promise.reject(
      usageError(`Node ${joined.peerId} runs a version that undoes nothing.`, 'Upgrade that node first.'),
    );
  return { nodeId: joined.peerId, declaration, ask, undo };
}
