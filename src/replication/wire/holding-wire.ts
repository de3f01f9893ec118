import { type ByteReader, type ByteWriter, malformed } from '../../log/bytes/bytes.ts';
import { type Epoch, MAX_SWITCHES } from '../../log/operations/epoch.ts';

/** Most operations that one acknowledgement asks for, or tells of: the last one of a table and life each. */
export const MAX_HOLDINGS = 1024;
const MAX_TEXT_BYTES = 512;

/** An operation by its name. */
export interface OperationName {
  readonly table: string;
  readonly origin: string;
  readonly sequence: number;
}

/** An operation of which the sender wants to hear once it is held durably, and the switch under which it stands there. */
export interface WantedOperation extends OperationName {
  readonly epoch: Pick<Epoch, 'counter' | 'origin'>;
}

/** Beside its counts an acknowledgement may ask what is held, and tell it. Programs before it pass both over. */
export interface HoldingWords {
  readonly wants?: readonly WantedOperation[] | undefined;
  /** Each with all of its author before it. */
  readonly holds?: readonly OperationName[] | undefined;
}

export function writeHoldings(writer: ByteWriter, { wants = [], holds = [] }: HoldingWords): void {
  if (wants.length + holds.length === 0) return;
  writer.varint(wants.length);
  for (const want of wants) {
    writeName(writer, want);
    writer.varint(want.epoch.counter);
    writer.text(want.epoch.origin);
  }
  writer.varint(holds.length);
  for (const held of holds) writeName(writer, held);
}

function writeName(writer: ByteWriter, { table, origin, sequence }: OperationName): void {
  writer.text(table);
  writer.text(origin);
  writer.varint(sequence);
}

/** Reads what is behind the counts. Throws what a broken frame throws. */
export function readHoldings(reader: ByteReader): HoldingWords {
  if (reader.remaining === 0) return {};
  const wants = Array.from({ length: reader.count('wanted operations', MAX_HOLDINGS) }, () => {
    return { ...readName(reader), epoch: readEpoch(reader) };
  });
  const holds = Array.from({ length: reader.count('held operations', MAX_HOLDINGS) }, () => readName(reader));
  return { wants, holds };
}

function readName(reader: ByteReader): OperationName {
  return {
    table: reader.text(MAX_TEXT_BYTES),
    origin: reader.text(MAX_TEXT_BYTES),
    sequence: reader.varint(),
  };
}

function readEpoch(reader: ByteReader): WantedOperation['epoch'] {
  const counter = reader.varint();
  if (counter > MAX_SWITCHES) throw malformed(`a switch of number ${counter}`);
  return { counter, origin: reader.text(MAX_TEXT_BYTES) };
}
