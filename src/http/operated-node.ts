import type { RowSide } from '../projection/comparing/digest.ts';
import type { OperatedZeek } from '../zeek/cluster-form.ts';

/** A write that a repair would make. */
export interface OperatedWrite {
  /** Names the key by its canonical text. */
  readonly text: string;
  /** Holds the row; undefined: the key is removed. */
  readonly side: Pick<RowSide<unknown>, 'value'> | undefined;
}

/** A node as those who operate it see it over HTTP, beside what health and metrics observe. */
export interface OperatedNode {
  /** Says how much of the log is kept; nothing: all of it. */
  readonly retention: {
    readonly age?: number | undefined;
    readonly bytes?: number | undefined;
    readonly operations?: number | undefined;
  };
  zeek(): readonly OperatedZeek[];
  /** Resolves with what a repair of a table would write now. Rejects with what a repair rejects with. */
  planRepair(table: string, from: string): Promise<readonly OperatedWrite[]>;
}
