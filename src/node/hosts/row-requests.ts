import type { Grant } from '../../access/grant.ts';
import { TablecastError, isTablecastError } from '../../errors.ts';
import type { Origins } from '../../log/operations/origin.ts';
import type { Projection } from '../../projection/projection.ts';
import type { Asking, Requests } from '../../replication/requests.ts';
import { cellOf, cellText } from '../../replication/wire/cell-text.ts';
import {
  PROBLEM_CHARACTERS,
  type RowAnswer,
  type RowRequest,
  UNDONE_TOLD,
} from '../../replication/wire/request-wire.ts';
import type { MapTable, SetTable, Table } from '../../table/table.ts';
import { LogReadings } from './log-readings.ts';
import { Looks, type LooksParts } from './looks.ts';

/** The parts are what requests are answered from. */
export interface RowRequestsParts extends LooksParts {
  readonly origins: Origins;
  readonly tables: ReadonlyMap<string, Table>;
}

/** A row that is asked about: its table, and its key. */
interface Asked {
  readonly table: Table;
  readonly projection: Projection;
  readonly key: unknown;
  readonly request: RowRequest;
}

type Found = Omit<RowAnswer, 'number' | 'problem'>;

/** Says that answering takes reading the whole log of a table. */
const READINGS: ReadonlySet<RowRequest['act']> = new Set(['undo', 'history', 'conflicts']);

/** Answers visitors from this node's tables. */
export class RowRequests implements Requests {
  readonly #parts: RowRequestsParts;
  readonly #looks: Looks;
  readonly #readings = new LogReadings();

  constructor(parts: RowRequestsParts) {
    this.#parts = parts;
    this.#looks = new Looks(parts);
  }

  async answer(request: RowRequest, asking: Asking): Promise<RowAnswer> {
    const { number } = request;
    const { grant } = asking;
    let found: Found = {};
    try {
      if (request.act === 'peers') return { number, ...this.#looks.peers(grant) };
      if (request.act === 'zeek') return { number, ...this.#looks.zeek(grant) };
      if (READINGS.has(request.act))
        return { number, ...(await this.#readings.inTurn(() => this.#read(request, asking))) };
      const asked = this.#find(request, grant);
      found = request.act === 'get' ? rowOf(asked) : this.#write(asked, grant);
      if (found.written !== undefined) await this.#parts.log.flush([asked.projection.store]);
      return { number, ...found };
    } catch (error) {
      return { number, ...found, problem: problemOf(error) };
    }
  }

  #tableOf(name: string, grant: Grant): Pick<Asked, 'table' | 'projection'> {
    const table = this.#parts.tables.get(name);
    const projection = this.#parts.projections.get(name);
    // Whether there is a table is known to those only who may read it.
    if (table === undefined || projection === undefined || !grant.mayRead(name)) throw noTable(name);
    return { table, projection };
  }

  /** Does what takes reading the whole log of a table, unless nobody waits for it any more when its turn comes. */
  async #read(request: RowRequest, { grant, isGone }: Asking): Promise<Found> {
    if (isGone()) return {};
    if (request.act === 'undo') return this.#undo(request, grant);
    const { projection } = this.#tableOf(request.table, grant);
    if (request.act === 'conflicts') return this.#looks.conflicts(projection, request);
    return this.#looks.history(projection, request, isGone);
  }

  async #undo({ table: name, undo }: RowRequest, grant: Grant): Promise<Found> {
    const { table, projection } = this.#tableOf(name, grant);
    if (!grant.mayWrite(name)) throw mayNotWrite(name);
    const { origin = '', position, time = Number.NaN, dryRun = true } = undo ?? {};
    const since = position === undefined ? { time } : { position };
    const { writes, kept } = await table.undo({ origin, since, dryRun });
    const { schema } = projection;
    const first = writes.slice(0, UNDONE_TOLD).map(({ key, kind, value }) => {
      const told = { key: schema.keyText(key), kind };
      if (kind === 'delete' || schema.isSet) return told;
      return {
        ...told,
        cell: cellText(kind === 'set' ? schema.toColumn(schema.value(value)) : (value as number)),
      };
    });
    return { undone: { writes: writes.length, kept, first } };
  }

  #find(request: RowRequest, grant: Grant): Asked {
    const { table: name, key } = request;
    const { table, projection } = this.#tableOf(name, grant);
    projection.schema.checkKeyText(key);
    return { table, projection, key: projection.schema.keyOf(key), request };
  }

  #write(asked: Asked, grant: Grant): Found {
    const { table, projection } = asked;
    if (!grant.mayWrite(table.name)) throw mayNotWrite(table.name);
    const existed = table.has(asked.key);
    act(asked);
    return { ...rowOf(asked), existed, written: this.#lastOf(projection) };
  }

  /** The operation that this node wrote last into a table. */
  #lastOf({ authors, held, inForce }: Projection): Found['written'] {
    this.#parts.log.seal();
    const origin = authors.main?.origin ?? 0;
    const { counter, origin: switcher } = inForce.epoch;
    return {
      origin: this.#parts.origins.at(origin).text,
      sequence: held.sequences.get(origin),
      epoch: { counter, origin: switcher },
    };
  }
}

function rowOf({ projection: { schema, rows }, request: { key } }: Asked): Found {
  const slot = rows.find(key);
  if (slot === undefined || schema.isSet) return { existed: slot !== undefined };
  return { existed: true, cell: cellText(schema.toColumn(rows.value(slot))) };
}

function act({ table, projection: { schema }, key, request }: Asked): void {
  if (request.act === 'delete') return void table.delete(key);
  if (request.act === 'touch') return void table.touch(key);
  if (schema.isSet) return void (table as SetTable).add(key);
  const cell = request.cell === undefined ? undefined : cellOf(request.cell);
  if (request.act === 'increment') return void (table as MapTable).increment(key, (cell ?? 1) as number);
  if (cell === undefined)
    throw new TablecastError('VALUE_INVALID', 'The value is missing.', { hint: 'Send a cell.' });
  schema.checkCell(cell);
  (table as MapTable).set(key, schema.fromColumn(cell));
}

function noTable(name: string): TablecastError {
  return new TablecastError('OPTION_INVALID', `This node has no table ${JSON.stringify(name)}.`, {
    hint: 'tablecast status prints the tables that the credential may read.',
  });
}

function mayNotWrite(name: string): TablecastError {
  return new TablecastError('PEER_REFUSED', `The credential shown may not write table ${name}.`, {
    hint: 'Give its holder the right: auth.credentials of that node, write.',
  });
}

/** The problem, without the names of files that an error of a backend holds: they are no business of a visitor's. */
function problemOf(error: unknown): NonNullable<RowAnswer['problem']> {
  if (!isTablecastError(error) || error.code.startsWith('BACKEND_')) {
    const code = isTablecastError(error) ? error.code : 'INTERNAL';
    return { code, message: 'The node failed.', hint: 'Look at its log.' };
  }
  const { code, message, hint } = error;
  return { code, message: message.slice(0, PROBLEM_CHARACTERS), hint: hint.slice(0, PROBLEM_CHARACTERS) };
}
