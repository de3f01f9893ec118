import { type ByteReader, type ByteWriter, malformed } from '../bytes/bytes.ts';
import { MAX_ORIGIN_BYTES } from './origin.ts';

/** Conflict modes by the number the log stores; never renumber. */
const MODES = ['naive', 'lww', 'automerge'] as const;

/** Most switches of one table. */
export const MAX_SWITCHES: number = 2 ** 52;
/** Most switches that a node which holds anything of a table can have missed: a claim of more is not believed. */
export const MAX_MISSED_SWITCHES: number = 2 ** 20;
/** Most that is believed by one which holds nothing. */
const MAX_FIRST_SWITCH: number = 2 ** 51;

/** Names of the conflict modes there are. */
export type ModeName = (typeof MODES)[number];

/**
 * An epoch names the switch of a table's conflict mode under which an operation was written. Of two switches
 * the one with the greater counter is in force, of equal counters that of the greater origin, everywhere.
 */
export interface Epoch {
  /** Counts the switches that lie before, this one included; 0 before any. */
  readonly counter: number;
  /** Names who switched; empty before any switch. */
  readonly origin: string;
  /** The mode in force since. */
  readonly mode: ModeName;
}

/** Negative when `one` comes before `other`, 0 when they are the same switch. */
export function compareEpochs(
  one: Pick<Epoch, 'counter' | 'origin'>,
  other: Pick<Epoch, 'counter' | 'origin'>,
): number {
  if (one.counter !== other.counter) return one.counter - other.counter;
  if (one.origin === other.origin) return 0;
  return one.origin < other.origin ? -1 : 1;
}

/**
 * Returns whether a later switch can be believed by a node that knows of `counter` switches, and holds
 * something of the table or nothing. What is believed leaves room for further switches by far.
 */
export function isWithinReach(
  epoch: Pick<Epoch, 'counter'>,
  from: { readonly counter: number; readonly isEmpty: boolean },
): boolean {
  return (
    epoch.counter <= from.counter + MAX_MISSED_SWITCHES || (from.isEmpty && epoch.counter <= MAX_FIRST_SWITCH)
  );
}

/** Returns whether something from outside names a mode. */
export function isModeName(name: unknown): name is ModeName {
  return MODES.some((mode) => mode === name);
}

export function writeEpoch(writer: ByteWriter, epoch: Epoch): void {
  writer.varint(epoch.counter);
  writer.text(epoch.origin);
  writer.byte(MODES.indexOf(epoch.mode));
}

/** Throws `OPERATION_INVALID` for what {@link writeEpoch} cannot have written. */
export function readEpoch(reader: ByteReader): Epoch {
  const counter = reader.varint();
  const origin = reader.text(MAX_ORIGIN_BYTES);
  const mode = MODES[reader.byte()];
  if (counter < 1 || counter > MAX_SWITCHES || mode === undefined) throw malformed('a switch of mode');
  return { counter, origin, mode };
}
