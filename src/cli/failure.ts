import { inspect } from 'node:util';
import { CommanderError } from 'commander';
import { type ErrorCode, type ErrorDetails, TablecastError, isTablecastError } from '../index.ts';
import { note, noteWhole, visible } from './output.ts';

/** Names what a command ends with; documented in docs/cli.md, so never renumber. */
export const EXIT: {
  readonly ok: 0;
  readonly negative: 1;
  readonly usage: 2;
  readonly unreachable: 3;
  readonly failed: 4;
} = {
  ok: 0,
  /** The answer is no: the key is absent, nothing was imported. */
  negative: 1,
  usage: 2,
  /** The node cannot be reached, refuses, or did not answer in time. */
  unreachable: 3,
  /** Data or database. */
  failed: 4,
};

/**
 * Says what each error ends a command with, whichever meets it; what is not named here is about data or a
 * database.
 */
const EXIT_OF: ReadonlyMap<ErrorCode, number> = new Map([
  ['DECLARATION_INVALID', EXIT.usage],
  ['DECLARATION_DIFFERS', EXIT.usage],
  ['KEY_INVALID', EXIT.usage],
  ['VALUE_INVALID', EXIT.usage],
  ['OPTION_INVALID', EXIT.usage],
  ['PEER_UNREACHABLE', EXIT.unreachable],
  ['PEERS_BEHIND', EXIT.unreachable],
  ['PEER_REFUSED', EXIT.unreachable],
  ['LISTEN_FAILED', EXIT.unreachable],
]);

/** A mistake in how the command was called. */
export function usageError(
  message: string,
  hint: string,
  details?: ErrorDetails<'OPTION_INVALID'>,
): TablecastError {
  return new TablecastError('OPTION_INVALID', message, { hint, details });
}

/** Tells a failure in words, never with a stack unless TABLECAST_DEBUG=1, and gives the exit code. */
export function reportFailure(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) return commanderExit(error);
  if (process.env['TABLECAST_DEBUG'] === '1') noteWhole(inspect(error).split('\n').map(visible).join('\n'));
  const known = isTablecastError(error);
  const code = known ? error.code : 'INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  const hint = known ? error.hint : 'Run it again with TABLECAST_DEBUG=1 and report what it prints.';
  const help = known ? { help: `tablecast explain ${code}` } : {};
  if (json) noteWhole(JSON.stringify({ error: { code, message, hint, ...help } }));
  else {
    const lines = [`error: ${visible(message)}`, visible(hint), ...Object.values(help)];
    note(lines.join('\n'));
  }
  return (known ? EXIT_OF.get(error.code) : undefined) ?? EXIT.failed;
}

/** Commander has printed its message; help and version that were asked for are no mistakes. */
function commanderExit(error: CommanderError): number {
  return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}
