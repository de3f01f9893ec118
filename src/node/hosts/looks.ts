import type { Grant } from '../../access/grant.ts';
import type { OperationLog } from '../../log/keeping/operation-log.ts';
import type { Operation } from '../../log/operations/operation.ts';
import { operationsOfKey } from '../../log/reading/operations-of-key.ts';
import type { Projection } from '../../projection/projection.ts';
import type { Conflict, ConflictSide } from '../../projection/telling/change.ts';
import type { LogView } from '../../reading/log-view.ts';
import { type OperatedZeek, zeekForm } from '../../zeek/cluster-form.ts';
import { peerForm } from '../../replication/peers/peer-form.ts';
import type { PeerState } from '../../replication/peers/peer-state.ts';
import { cellText } from '../../replication/wire/cell-text.ts';
import {
  MOST_TOLD,
  type RowAnswer,
  type RowRequest,
  TOLD_CHARACTERS,
} from '../../replication/wire/request-wire.ts';
import type { Cell, Schema, Value } from '../../schema/index.ts';

/** The parts are what is looked at. */
export interface LooksParts {
  readonly log: OperationLog;
  readonly view: LogView;
  readonly projections: ReadonlyMap<string, Projection>;
  peers(): readonly PeerState[];
  zeek(): readonly OperatedZeek[];
}

type Told = Pick<RowAnswer, 'operations' | 'conflicts' | 'peers' | 'zeek' | 'complete'>;

/** Lists what a visitor looks at beside rows: the operations of a key, the conflicts of a table, the peers. */
export class Looks {
  readonly #parts: LooksParts;

  constructor(parts: LooksParts) {
    this.#parts = parts;
  }

  /** Reads the log of a table once, unless the visitor goes meanwhile. */
  async history(
    { schema, store }: Projection,
    { key: text, limit: most = MOST_TOLD }: RowRequest,
    isGone: () => boolean,
  ): Promise<Told> {
    schema.checkKeyText(text);
    const kept = this.#parts.log.stores.get(store);
    const reader = this.#parts.view.reader({ table: schema.name });
    const found = await operationsOfKey(
      { next: async () => (isGone() ? undefined : reader.next()) },
      { text, until: kept?.told ?? 0, most, keyText: (key) => schema.keyText(key) },
    );
    const operations = fitting(
      found.slice(-most).map((operation) => operationForm(schema, operation)),
      ({ cell = '' }) => cell.length,
    );
    const isWhole = (kept?.trimmedTo ?? 0) === 0;
    return { operations, complete: isWhole && operations.length === found.length };
  }

  /** Folds the log of a table again, which takes as much memory as its rows do. Throws `LOG_TRIMMED`. */
  async conflicts(projection: Projection, { limit: most = MOST_TOLD }: RowRequest): Promise<Told> {
    const { schema, store } = projection;
    const position = this.#parts.log.stores.get(store)?.told ?? 0;
    const found = await this.#parts.view.conflicts(projection, { position, most: most + 1 });
    const conflicts = fitting(
      found.slice(-most).map((conflict) => conflictForm(schema, conflict)),
      ({ key, kept, lost }) => key.length + (kept.cell ?? '').length + (lost.cell ?? '').length,
    );
    return { conflicts, complete: conflicts.length === found.length };
  }

  /** Tells of peers what whoever holds these rights may know of them. */
  peers(grant: Grant): Told {
    const present = this.#parts.peers();
    const isShared = (name: string): boolean => this.#parts.projections.has(name);
    const forms = present.map((peer) => peerForm(peer, grant, isShared));
    const peers = fitting(forms as Record<string, unknown>[], (form) => JSON.stringify(form).length);
    return { peers, complete: peers.length === present.length };
  }

  /** Tells of Zeek clusters what whoever holds these rights may know of them. */
  zeek(grant: Grant): Told {
    const present = this.#parts.zeek();
    const forms = present.map((cluster) => zeekForm(cluster, (name) => grant.mayRead(name)));
    const zeek = fitting(
      forms as unknown as Record<string, unknown>[],
      (form) => JSON.stringify(form).length,
    );
    return { zeek, complete: zeek.length === present.length };
  }
}

/** The last entries that have room in one answer, and one in any case. */
function fitting<T>(entries: readonly T[], charactersOf: (entry: T) => number): T[] {
  let left = TOLD_CHARACTERS;
  let from = entries.length;
  while (from > 0) {
    left -= charactersOf(entries[from - 1] as T);
    if (left < 0 && from < entries.length) break;
    from--;
  }
  return entries.slice(from);
}

function operationForm(schema: Schema, operation: Operation): NonNullable<Told['operations']>[number] {
  const { position, kind, origin, sequence, time, value } = operation;
  const told = { position, kind, origin, sequence, time };
  if (value === undefined || (kind === 'set' && schema.isSet)) return told;
  const cell = kind === 'set' ? schema.toColumn(value as Value) : (value as Cell);
  return { ...told, cell: cellText(cell) };
}

function conflictForm(schema: Schema, conflict: Conflict): NonNullable<Told['conflicts']>[number] {
  const { key, kept, lost, operation } = conflict;
  const { position, time } = operation;
  const side = ({ value, origin, sequence }: ConflictSide) => ({
    origin,
    sequence,
    ...(value !== undefined && !schema.isSet && { cell: cellText(schema.toColumn(value)) }),
  });
  return { position, time, key: schema.keyText(key), kept: side(kept), lost: side(lost) };
}
