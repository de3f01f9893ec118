import type { Command } from 'commander';
import { type ConflictSide, type ErrorCode, TablecastError } from '../index.ts';
import {
  MOST_TOLD,
  type RowAnswer,
  type RowRequest,
  type VisitedTable,
  type Visitor,
  cellOf,
} from '../visiting/index.ts';
import { type PeerFlags, wholeNumber } from './command.ts';
import { usageError } from './failure.ts';
import { inTime } from './joined-node.ts';
import type { PrintedOperation } from './operation-lines.ts';
import { tableOf, visit } from './row-source.ts';

const DEFAULT_SHOWN = 100;

/** An operation on one key, as a node or a database tells it. */
export type ToldOperation = Omit<PrintedOperation, 'table' | 'key'>;

/** A side of a conflict, as a node or a database tells it. */
export type ToldSide = ConflictSide<unknown>;

/** A conflict, as a node or a database tells it. */
export interface ToldConflict {
  readonly position: number;
  readonly time: number;
  readonly key: unknown;
  readonly kept: ToldSide;
  readonly lost: ToldSide;
}

/** A running node that is looked at. */
export class LookedAt {
  readonly #visitor: Visitor;
  readonly #flags: PeerFlags;

  constructor(visitor: Visitor, flags: PeerFlags) {
    this.#visitor = visitor;
    this.#flags = flags;
  }

  get nodeId(): string {
    return this.#visitor.nodeId;
  }

  /** Lists the tables of the node that may be read. */
  tables(): Promise<readonly string[]> {
    const { nodeId } = this.#visitor;
    return inTime(this.#visitor.allNames(), this.#flags.timeout, `Node ${nodeId} did not say its tables`);
  }

  /** Throws `OPTION_INVALID` where the node has no such table. */
  table(name: string): Promise<VisitedTable> {
    return tableOf(this.#visitor, name, this.#flags);
  }

  /** Gives the newest operations of a key, oldest first, and whether these are all. */
  async history(
    name: string,
    { key, limit }: { readonly key: unknown; readonly limit: number },
  ): Promise<{ readonly operations: readonly ToldOperation[]; readonly complete: boolean }> {
    const { schema } = await this.table(name);
    const answer = await this.#ask({ act: 'history', table: name, key: schema.keyText(key), limit });
    const operations = (answer.operations ?? []).map(({ cell, ...told }) => {
      const value = cell === undefined ? undefined : cellOf(cell);
      return {
        ...told,
        value: told.kind === 'set' && value !== undefined ? schema.fromColumn(value) : value,
      };
    });
    return { operations, complete: answer.complete === true };
  }

  /** Gives the newest conflicts of a table, oldest first, and whether these are all. */
  async conflicts(
    name: string,
    limit: number,
  ): Promise<{ readonly conflicts: readonly ToldConflict[]; readonly complete: boolean }> {
    const { schema } = await this.table(name);
    const answer = await this.#ask({ act: 'conflicts', table: name, key: '', limit });
    const sideOf = ({ cell, ...side }: NonNullable<RowAnswer['conflicts']>[number]['kept']): ToldSide => {
      return { ...side, value: cell === undefined ? undefined : schema.fromColumn(cellOf(cell)) };
    };
    const conflicts = (answer.conflicts ?? []).map(({ key, kept, lost, ...told }) => {
      return { ...told, key: schema.keyOf(key), kept: sideOf(kept), lost: sideOf(lost) };
    });
    return { conflicts, complete: answer.complete === true };
  }

  /** Gives what the node says of each connection with a peer, in the form of `/v1/cluster`, and whether these are all. */
  async peers(): Promise<{ readonly peers: NonNullable<RowAnswer['peers']>; readonly complete: boolean }> {
    const { peers = [], complete } = await this.#ask({ act: 'peers', table: '', key: '' });
    return { peers, complete: complete === true };
  }

  /** Gives what the node says of each Zeek cluster it is attached to, in the form of `/v1/cluster`. */
  async zeek(): Promise<NonNullable<RowAnswer['zeek']>> {
    return (await this.#ask({ act: 'zeek', table: '', key: '' })).zeek ?? [];
  }

  async #ask(request: Omit<RowRequest, 'number'>): Promise<RowAnswer> {
    const { nodeId } = this.#visitor;
    const answer = await inTime(
      this.#visitor.ask(request),
      this.#flags.timeout,
      `Node ${nodeId} did not answer`,
    );
    if (answer.problem === undefined) return answer;
    const { code, message, hint } = answer.problem;
    throw new TablecastError(code as ErrorCode, message, { hint });
  }
}

/** Asks the node that the flags name, and leaves, whatever happens. Throws `OPTION_INVALID` for one that answers nobody. */
export async function withLooks<T>(flags: PeerFlags, act: (node: LookedAt) => Promise<T>): Promise<T> {
  const open = await visit(flags.peer, flags);
  try {
    const { visitor } = open;
    if (!visitor.isAnswered)
      throw usageError(
        `Node ${visitor.nodeId} runs a version that does not answer this.`,
        'Upgrade that node, or ask its database: --file DIRECTORY/ID.tablecast.db.',
      );
    return await act(new LookedAt(visitor, flags));
  } finally {
    await open.close();
  }
}

/** Asks as {@link withLooks} does; gives what is given instead for a node that answers nobody. */
export async function ifAnswered<T>(
  flags: PeerFlags,
  act: (node: LookedAt) => Promise<T>,
  otherwise: T,
): Promise<T> {
  const open = await visit(flags.peer, flags);
  try {
    return open.visitor.isAnswered ? await act(new LookedAt(open.visitor, flags)) : otherwise;
  } finally {
    await open.close();
  }
}

/** Adds the option that bounds what is shown. */
export function withLimit(command: Command, of: string): Command {
  return command.option(
    '--limit <n>',
    `only the newest so many ${of}, up to ${MOST_TOLD}; default ${DEFAULT_SHOWN}`,
    wholeNumber('--limit'),
  );
}

/** Returns how many are shown. Throws `OPTION_INVALID` for none, and for more than there is room for. */
export function shownLimit(limit: number = DEFAULT_SHOWN): number {
  if (limit >= 1 && limit <= MOST_TOLD) return limit;
  throw usageError(`--limit ${limit} is not from 1 to ${MOST_TOLD}.`, 'For example: --limit 20.');
}
