import type { Command } from 'commander';
import { type PeerFlags, exitingWith, newCommand, withPeer } from '../command.ts';
import { hanging, terminalWidth } from '../drawn-rows.ts';
import { EXIT } from '../failure.ts';
import { type LogMoment, parseMoment } from '../moment.ts';
import { print } from '../output.ts';
import { type UndoneRow, withRows } from '../row-source.ts';
import { RowText } from '../row-text.ts';

interface UndoFlags extends PeerFlags {
  readonly origin: string;
  readonly since: LogMoment;
  readonly dryRun?: boolean | undefined;
}

/** `tablecast undo`: takes back what one author wrote. */
export function undoCommand(): Command {
  const command = newCommand('undo', 'take back what one node wrote into a table since then', [
    'tablecast undo known_hosts --origin worker-1 --since 2026-01-31T12:00:00Z --dry-run',
    'tablecast undo known_hosts --origin worker-1 --since 1200',
  ]);
  return withPeer(command)
    .argument('<table>', 'a table of the running node')
    .requiredOption('--origin <node>', 'id of the node that wrote, or one life of it: nodeId@epoch')
    .requiredOption(
      '--since <moment>',
      'position in the log of the running node, time of the author, such as 2026-01-31T12:00:00Z, or how long ago, such as 90m',
      parseMoment('--since'),
    )
    .option('--dry-run', 'print what would be written, and write nothing')
    .addHelpText(
      'after',
      '\nKeys that others wrote over stay as they are. Exit code 1 when there is nothing to take back.',
    )
    .action(exitingWith(undo));
}

async function undo(name: string, flags: UndoFlags): Promise<number> {
  const { origin, since } = flags;
  const dryRun = flags.dryRun === true;
  return withRows(name, flags, async (rows) => {
    const text = new RowText(name, rows.declaration);
    const { writes, kept, first } = await rows.undo({ origin, since, dryRun });
    if (flags.json === true) {
      const shown = first.map((row) => jsonOf(text, row)).join(',');
      const start = `{"table":${JSON.stringify(name)},"node":${JSON.stringify(rows.nodeId)},"dryRun":${dryRun}`;
      print(`${start},"writes":${writes},"kept":${kept},"first":[${shown}]}`);
    } else {
      for (const row of first) print(lineOf(text, row));
      if (writes > first.length) print(`… and ${writes - first.length} more`);
      print(hanging(summary({ name, writes, kept, dryRun }), terminalWidth()));
    }
    return writes > 0 ? EXIT.ok : EXIT.negative;
  });
}

function summary(of: {
  readonly name: string;
  readonly writes: number;
  readonly kept: number;
  readonly dryRun: boolean;
}): string {
  const { name, writes, kept, dryRun } = of;
  const isOne = writes === 1;
  const done = dryRun ? 'would be' : isOne ? 'was' : 'were';
  const stay = kept === 1 ? '1 stays' : `${kept} stay`;
  return `${writes} ${isOne ? 'key' : 'keys'} ${done} taken back in ${name}, ${stay}`;
}

function lineOf(text: RowText, { key, kind, value }: UndoneRow): string {
  const shown =
    kind === 'delete' ? 'removed' : `${kind === 'increment' ? 'by ' : '= '}${text.valueText(value)}`;
  return `${text.keyText(key)}\t${shown}`;
}

function jsonOf(text: RowText, { key, kind, value }: UndoneRow): string {
  const rest = value === undefined ? '' : `,"value":${text.valueJson(value)}`;
  return `{"key":${text.keyJson(key)},"kind":"${kind}"${rest}}`;
}
