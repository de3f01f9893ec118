import { createHash } from 'node:crypto';
import { hostname, userInfo } from 'node:os';

/** Counts the ids that the commands of one user on one machine share. */
const COMMAND_IDS = 64;

/**
 * Returns the id a command joins under: one of few per user and machine, because tables remember the writers
 * of each id, and a bounded number of lives of each. Of two commands with one id at one time, the later takes
 * the connection over and the earlier connects again.
 */
export function commandId(): string {
  const who = createHash('sha256').update(`${hostname()} ${userName()}`).digest('hex').slice(0, 8);
  return `cli-${who}-${process.pid % COMMAND_IDS}`;
}

/** In containers a user may have a number and no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
}

/** Says whether a node id is that of a command, as far as an id can say it. */
export function isCommandId(id: string | undefined): boolean {
  return id !== undefined && /^cli-[0-9a-f]{8}-\d{1,2}$/.test(id);
}
