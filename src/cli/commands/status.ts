import type { Command } from 'commander';
import * as v from 'valibot';
import { colors } from '../colors.ts';
import { type HeldBackOperations, type PlainDeclaration, isTablecastError } from '../../index.ts';
import { type PeerFlags, exitingWith, newCommand, withPeer } from '../command.ts';
import { counted } from '../counted.ts';
import { EXIT } from '../failure.ts';
import { drawnRows, hanging, terminalWidth } from '../drawn-rows.ts';
import { ifAnswered } from '../looking.ts';
import { type JoinedNode, type JoinedTable, withNode } from '../joined-node.ts';
import { print, visible } from '../output.ts';

interface StatusFlags extends PeerFlags {
  readonly rows: boolean;
}

interface TableStatus {
  readonly name: string;
  readonly declaration: Readonly<PlainDeclaration>;
  readonly mode: string;
  readonly rows: number | undefined;
  /** Says why the rows are not known. */
  readonly problem: string | undefined;
}

/** `tablecast status`: a node and its tables. */
export function statusCommand(): Command {
  const command = newCommand('status', 'print what a running node is and which tables it has', [
    'tablecast status',
    'tablecast status --peer wss://manager:47760 --tls-ca ca.pem --json',
  ]);
  return withPeer(command)
    .option('--no-rows', 'do not count rows, which takes copying every table')
    .action(exitingWith(status));
}

async function status(flags: StatusFlags): Promise<number> {
  return withNode(flags, async (joined) => {
    const { state, peerId } = joined;
    const tables = await tableStatus(joined, flags.rows);
    const zeek = await zeekStatus(flags);
    if (flags.json === true) {
      const heldBack = heldThere(joined);
      print(JSON.stringify({ node: peerId, address: state.address, tables, heldBack, zeek }));
      return EXIT.ok;
    }
    const count = counted(tables.length, 'table');
    const columns = terminalWidth();
    const at = `${colors.bold(visible(peerId))} at ${visible(state.address)}`;
    print(hanging(`${at}: ${colors.green('connected')}, ${count}`, columns));
    if (tables.length > 0) print(drawn(tables, { rows: flags.rows, columns }));
    for (const held of heldThere(joined)) print(hanging(visible(lineOf(held)), columns));
    for (const line of zeek.flatMap(zeekLines)) print(hanging(visible(line), columns));
    return EXIT.ok;
  });
}

/** Reads what a node says of a Zeek cluster. */
const zeekSaid = v.object({
  name: v.string(),
  address: v.string(),
  state: v.string(),
  tables: v.array(v.string()),
  missed: v.record(v.string(), v.number()),
});

/** Lists the Zeek clusters that the node is attached to, as it says; none where it says nothing. */
async function zeekStatus(flags: PeerFlags): Promise<readonly v.InferOutput<typeof zeekSaid>[]> {
  const said = await ifAnswered(flags, (node) => node.zeek(), []);
  return said.filter((cluster) => v.is(zeekSaid, cluster));
}

function zeekLines({ name, address, state, tables, missed }: v.InferOutput<typeof zeekSaid>): string[] {
  const lost = Object.entries(missed).map(([table, count]) => {
    return `missed in ${table}: ${counted(count, 'change')} or more between Zeek and the node, not made good yet; see tablecast explain zeek-missed`;
  });
  return [`Zeek cluster ${name} at ${address}: ${state}, ${counted(tables.length, 'table')}`, ...lost];
}

/** Lists what the node does not take of what its peers bring, as it says. */
function heldThere({ state }: JoinedNode): HeldBackOperations[] {
  return state.heldBack.filter(({ by }) => by === 'there');
}

function lineOf({ table, origin, sequence, from = 'this command', reason }: HeldBackOperations): string {
  const what = origin === undefined ? 'all' : `what ${origin} wrote, from number ${sequence} on`;
  return `held back in ${table}: ${what}, brought by ${from}: ${reason}`;
}

async function tableStatus(joined: JoinedNode, rows: boolean): Promise<TableStatus[]> {
  const found = joined.state.tables.map(({ name, declaration, mode }) => {
    return {
      name,
      declaration: objectOf(declaration) as PlainDeclaration,
      mode,
      ...(rows ? declared(joined, name) : {}),
    };
  });
  await joined.synced(found.map(({ table }) => table).filter((table) => table !== undefined));
  return found.map(({ table, problem, ...known }) => ({ ...known, rows: table?.table.size, problem }));
}

/** Returns an object where a peer announces one: it is unchecked until the table is declared here. */
function objectOf(announced: unknown): object {
  return typeof announced === 'object' && announced !== null ? announced : {};
}

/** A table this version cannot hold must not hide the others. */
function declared(joined: JoinedNode, name: string): { table?: JoinedTable; problem?: string } {
  try {
    return { table: joined.declare(name) };
  } catch (error) {
    if (isTablecastError(error)) return { problem: error.message };
    throw error;
  }
}

/** Returns a table, or where it is wider than the terminal, what it says line by line. */
export function drawn(
  tables: readonly TableStatus[],
  { rows, columns }: { readonly rows: boolean; readonly columns: number },
): string {
  const head = ['table', 'key', 'value', 'mode', 'backend', 'expiry', ...(rows ? ['rows'] : [])];
  const lines = tables.map((table) => cellsOf(table, rows).map((cell) => visible(cell)));
  return drawnRows({ head, rows: lines, right: ['rows'], width: columns });
}

function cellsOf({ name, declaration, mode, rows: count, problem }: TableStatus, rows: boolean): string[] {
  const { key, value, backend, createExpire, writeExpire } = declaration;
  const expiry = [
    createExpire === undefined ? '' : `${duration(createExpire)} after creation`,
    writeExpire === undefined ? '' : `${duration(writeExpire)} after the last write`,
  ];
  const cells = [name, [key].flat().join(', '), value ?? '(set)', mode, backend ?? 'memory', expiry.join('')];
  return [...cells, ...(rows ? [problem ?? count ?? ''] : [])].map(String);
}

const UNITS: readonly (readonly [name: string, milliseconds: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
];

/** Milliseconds in the largest unit that says them exactly; text as it is. */
function duration(given: number | string): string {
  if (typeof given === 'string') return given;
  const unit = UNITS.find(([, size]) => given % size === 0);
  return unit === undefined ? `${given}ms` : `${given / unit[1]}${unit[0]}`;
}
