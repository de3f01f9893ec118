/** Bytes of a piece at most, unless one event is longer. */
const PIECE_BYTES = 65_536;

/** Encoded events of the positions from behind `from` up to `to`: the same bytes for every reader. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array;
  /** Holds the position of each event, and where in the bytes it begins. */
  readonly positions: readonly number[];
  readonly offsets: readonly number[];
}

/** An event with its position. */
interface Placed {
  readonly position: number;
  readonly text: string;
}

/** Pieces of events that cover the positions from behind `from` up to `to`. */
export function pieceOf(events: readonly Placed[], from: number, to: number): Piece[] {
  const pieces: Piece[] = [];
  let first = 0;
  let size = 0;
  let begin = from;
  const close = (end: number, until: number): void => {
    pieces.push(encoded(events.slice(first, end), begin, until));
    begin = until;
    first = end;
    size = 0;
  };
  for (const [index, { text }] of events.entries()) {
    if (size > 0 && size + text.length > PIECE_BYTES) close(index, (events[index - 1] as Placed).position);
    size += text.length;
  }
  if (begin < to) close(events.length, to);
  return pieces;
}

function encoded(events: readonly Placed[], from: number, to: number): Piece {
  const text = events.map((event) => event.text).join('');
  const bytes = Buffer.from(text);
  // Mostly every character is one byte.
  const isPlain = bytes.length === text.length;
  const offsets: number[] = [];
  let offset = 0;
  for (const event of events) {
    offsets.push(offset);
    offset += isPlain ? event.text.length : Buffer.byteLength(event.text);
  }
  return { from, to, bytes, positions: events.map(({ position }) => position), offsets };
}

/** Returns what of a piece lies behind a position. */
export function restOf(piece: Piece, after: number): Piece {
  if (after <= piece.from) return piece;
  const index = piece.positions.findIndex((position) => position > after);
  const offset = index < 0 ? piece.bytes.length : (piece.offsets[index] as number);
  return { ...piece, from: after, bytes: piece.bytes.subarray(offset), positions: [], offsets: [] };
}
