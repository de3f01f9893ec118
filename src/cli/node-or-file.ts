import type { Command } from 'commander';
import { type PeerFlags, withPeer } from './command.ts';
import { type FileFlags, fileOf } from './log-source.ts';

/** The flags name a running node, or a database. */
export interface NodeOrFileFlags extends PeerFlags, FileFlags {}

/** Adds the options of a command that asks a running node, or reads a database instead. */
export function withNodeOrFile(command: Command): Command {
  return withPeer(command)
    .option('--file <path>', 'read a database instead, DIRECTORY/ID.tablecast.db; its node may be running')
    .option('--directory <dir>', 'or: the directory of that node')
    .option('--id <name>', 'and its id');
}

/** Says whether the flags name a database. */
export function namesFile(flags: NodeOrFileFlags): boolean {
  return fileOf(flags) !== undefined || flags.directory !== undefined || flags.id !== undefined;
}
