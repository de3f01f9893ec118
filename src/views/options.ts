import { optionInvalid } from './failure.ts';
import type { ViewRow } from './rows-of-views.ts';

/**
 * The options say what a view shows. Its functions are asked about one row at a time, whenever that row has become
 * another: they give the same for the same row, read nothing else that changes, and write nothing.
 */
export interface ViewOptions<K, V, R = V> {
  /** Says which rows are in the view; by default all. */
  readonly where?: ((row: ViewRow<K, V>) => boolean) | undefined;
  /** Makes the value that a row has in the view; by default that of the table. */
  readonly map?: ((row: ViewRow<K, V>) => R) | undefined;
}

const FUNCTIONS = ['where', 'map'] as const;
const MEMBERS: readonly string[] = FUNCTIONS;

/** Throws `OPTION_INVALID` for what is no option of a view. */
export function checkOptions(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (!MEMBERS.includes(name))
      throw optionInvalid(`A view has no option ${name}.`, `Use one of: ${MEMBERS.join(', ')}.`);
    if (FUNCTIONS.some((each) => each === name) && value !== undefined && typeof value !== 'function')
      throw optionInvalid(`${name} of a view is ${typeof value}.`, 'Pass a function of one row.');
  }
}
