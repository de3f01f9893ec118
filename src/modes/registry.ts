import { TablecastError } from '../errors.ts';
import { automergeMode } from './automerge/automerge.ts';
import type { ConflictMode } from './conflict-mode.ts';
import { lwwMode } from './lww.ts';
import { naiveMode } from './naive.ts';

const MODES: ReadonlyMap<string, ConflictMode> = new Map(
  [naiveMode, lwwMode, automergeMode].map((mode) => [mode.name, mode]),
);

/** Returns the mode a declaration asks for. Throws `DECLARATION_INVALID` for one this version does not have. */
export function modeNamed(declared: { readonly name: string; readonly mode: string }): ConflictMode {
  const mode = MODES.get(declared.mode);
  if (mode !== undefined) return mode;
  const names = [...MODES.keys()].join(', ');
  throw new TablecastError(
    'DECLARATION_INVALID',
    `Table ${declared.name}: this version has no mode ${declared.mode}.`,
    {
      hint: `Declare it with one of: ${names}.`,
      details: { table: declared.name, mode: declared.mode },
    },
  );
}
