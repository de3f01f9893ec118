import { type Command, Option } from 'commander';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AlterOptions, type AlterProblem, alterTable, previewAlteration } from '../../index.ts';
import { type PeerFlags, exitingWith, newCommand, withPeer } from '../command.ts';
import { counted } from '../counted.ts';
import { EXIT, usageError } from '../failure.ts';
import { type JoinedNode, withNode } from '../joined-node.ts';
import { note, noteWhole, print, printText, visible } from '../output.ts';
import { untilSignal } from '../signals.ts';

interface AlterFlags extends PeerFlags {
  readonly module?: string | undefined;
  readonly oneWay?: boolean | undefined;
  readonly directory?: string | undefined;
  readonly id?: string | undefined;
  readonly once?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

type Mapping = Pick<AlterOptions, 'up' | 'down' | 'oneWay'>;

/** `tablecast alter`: a table and its successor, kept alike while programs of both run. */
export function alterCommand(): Command {
  const command = newCommand(
    'alter',
    'keep a table and its successor with another declaration alike, until Ctrl-C',
    [
      'tablecast alter hits hits2 --dry-run',
      'tablecast alter hits hits2 --directory /var/lib/tablecast',
      'tablecast alter hits hits2 --module ./hits-to-hits2.js --directory /var/lib/tablecast',
      'tablecast alter hits hits2 --one-way --once',
    ],
  );
  return withPeer(command)
    .argument('<from>', 'the table as it was declared, of the running node')
    .argument('<to>', 'the table as it is declared from now on, of the same node')
    .option('--module <file>', 'module that exports up(row, standing) and down(row, standing)')
    .option('--one-way', 'take nothing back into the table of before')
    .addOption(
      new Option('--directory <dir>', 'keeps here what was carried, to go on where it was').env(
        'TABLECAST_DIRECTORY',
      ),
    )
    .option('--id <name>', 'the id under which it writes (default: alter-FROM-TO)')
    .option('--once', 'end when both are alike')
    .option('--dry-run', 'say what would be carried and what cannot be, and write nothing')
    .addHelpText('after', '\nRun it once at a time for two tables. Docs: docs/altering.md.')
    .action(exitingWith(alter));
}

async function alter(from: string, to: string, flags: AlterFlags): Promise<number> {
  const { directory, once = false, dryRun = false, id = `alter-${from}-${to}` } = flags;
  if (directory === undefined && !once && !dryRun) {
    throw usageError(
      'Without --directory it does not know after a restart what it has carried.',
      'Name a directory for its database, or carry once: --once.',
    );
  }
  const mapping = await mappingOf(flags);
  const own = directory === undefined || dryRun ? undefined : { id, directory };
  return withNode(
    flags,
    async (joined) => {
      const options = {
        ...(await tablesOf(joined, [from, to], own === undefined ? 'memory' : 'sqlite')),
        ...mapping,
      };
      return dryRun ? preview(joined, options, flags) : carry(joined, options, flags);
    },
    { own },
  );
}

async function tablesOf(
  joined: JoinedNode,
  names: readonly [from: string, to: string],
  backend: 'memory' | 'sqlite',
): Promise<Pick<AlterOptions, 'from' | 'to'>> {
  const [from, to] = names.map((name) => joined.declare(name, backend));
  await joined.synced([from!, to!]);
  return { from: from!.table, to: to!.table };
}

async function mappingOf({ module, oneWay }: AlterFlags): Promise<Mapping> {
  if (module === undefined) return { oneWay };
  const file = resolve(module);
  const exported = (await import(pathToFileURL(file).href).catch((error: unknown) => {
    throw usageError(`Module ${file} cannot be loaded: ${String(error)}`, 'Name a module of JavaScript.');
  })) as Mapping;
  for (const name of ['up', 'down'] as const) {
    if (typeof exported[name] === 'function' || (name === 'down' && oneWay === true)) continue;
    throw usageError(
      `Module ${file} does not export ${name}.`,
      `Export function ${name}({ key, value }, standing), which returns { key, value } of the other table.`,
    );
  }
  return { up: exported.up, down: exported.down, oneWay };
}

async function preview(joined: JoinedNode, options: AlterOptions, flags: AlterFlags): Promise<number> {
  const { problems, ...state } = await previewAlteration(joined.node, options);
  if (flags.json === true) {
    print(JSON.stringify({ ...state, problems }, jsonSafe));
  } else {
    for (const problem of problems) printText(visible(wordsOf(problem)));
    printText(visible(summary(options, state, 'would go')));
  }
  return state.unmapped > 0 ? EXIT.negative : EXIT.ok;
}

async function carry(joined: JoinedNode, options: AlterOptions, flags: AlterFlags): Promise<number> {
  const alteration = alterTable(joined.node, options);
  const tell = (problem: AlterProblem): void => {
    if (flags.json === true) noteWhole(JSON.stringify(problem, jsonSafe));
    else note(visible(wordsOf(problem)));
  };
  const makeAlike = async (): Promise<void> => {
    await alteration.settled();
    const tables = [options.from.name, options.to.name];
    await joined.node.flush({ peers: 1, timeoutMs: flags.timeout, tables });
    const { state } = alteration;
    if (flags.json === true) print(JSON.stringify(state));
    else printText(visible(summary(options, state, 'went')));
  };
  try {
    await untilSignal((end, fail) => {
      const told = alteration.problems.subscribe({ next: tell, error: fail });
      makeAlike().then(() => (flags.once === true ? end() : undefined), fail);
      return () => told.unsubscribe();
    });
  } finally {
    await alteration.close();
  }
  return alteration.state.unmapped > 0 ? EXIT.negative : EXIT.ok;
}

function summary(
  { from, to }: AlterOptions,
  state: { carriedUp: number; carriedDown: number; conflicts: number; unmapped: number },
  went: string,
): string {
  const { carriedUp, carriedDown, conflicts, unmapped } = state;
  return `${counted(carriedUp, 'row')} ${went} into ${to.name}, ${carriedDown} into ${from.name}; ${conflicts} stood in both with other values; ${unmapped} cannot go over`;
}

function wordsOf(problem: AlterProblem): string {
  if (problem.kind === 'waiting') return `Waiting: ${problem.error.message}`;
  const key = JSON.stringify(problem.key, jsonSafe);
  if (problem.kind === 'unmapped') return `${problem.table} ${key} cannot go over: ${problem.reason}`;
  const [kept, lost] = [problem.kept, problem.lost].map(
    (value) => JSON.stringify(value, jsonSafe) ?? 'no row',
  );
  return `${problem.table} ${key} was written on both sides: ${kept} stands, ${lost} does not`;
}

function jsonSafe(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
