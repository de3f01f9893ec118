import { malformed } from '../../log/bytes/bytes.ts';
import { Dictionary, MAX_DICTIONARY_KEYS, MAX_DICTIONARY_ORIGINS } from '../../log/runs/dictionary.ts';
import { CLEAR, SWITCH } from '../../log/operations/operation.ts';
import { type Origins, checkOrigin } from '../../log/operations/origin.ts';
import type { DecodedRun } from '../../log/runs/run.ts';
import type { Schema } from '../../schema/index.ts';
import type { Held } from '../held/held.ts';
import type { Rows } from '../rows/rows.ts';
import type { VersionVector } from '../../log/operations/version-vector.ts';

/** The parts of a projection that reading a run involves. */
export interface Intake {
  readonly schema: Schema;
  readonly rows: Rows;
  readonly held: Held;
}

/** Checks a run from elsewhere against dictionaries, changing nothing. Throws `OPERATION_INVALID`. */
export function checkRun(table: Pick<Intake, 'held'>, run: DecodedRun, origins: Origins): void {
  const origin = origins.find(run.origin);
  const dictionary = origin === undefined ? undefined : table.held.dictionaries.get(origin);
  const continues = dictionary?.chapter === run.state.chapter;
  const keys = continues ? dictionary.size : 0;
  const known = continues ? dictionary.origins.length : 0;
  if (run.state.keys > keys || run.state.origins > known) {
    throw malformed(`a run of ${run.origin} that refers to ${run.state.keys} keys, ${keys} are known`);
  }
  const size = run.state.keys + run.newKeys.length;
  const originCount = run.state.origins + run.newOrigins.length;
  if (size > MAX_DICTIONARY_KEYS || originCount > MAX_DICTIONARY_ORIGINS)
    throw malformed('a dictionary too large');
  for (const text of run.newOrigins) if (origins.find(text) === undefined) checkOrigin(text);
}

/** Checks what needs a run and its schema alone, changing nothing. Throws `OPERATION_INVALID`. */
export function checkContent(schema: Schema, run: DecodedRun): void {
  const { newKeys, newOrigins, state, kinds } = run;
  const size = state.keys + newKeys.length;
  const originCount = state.origins + newOrigins.length;
  for (const text of newKeys) schema.checkKeyText(text);
  for (let index = 0; index < run.count; index++) {
    const id = run.ids[index] as number;
    const kind = kinds?.[index];
    if (id >= size && kind !== CLEAR && kind !== SWITCH) throw malformed(`key number ${id} of ${size}`);
  }
  for (const { id } of run.document?.entered ?? [])
    if (id >= size) throw malformed(`key number ${id} of ${size}`);
  const named = run.expired.filter((_, index) => index % 2 === 0);
  for (const id of [...run.context.map((entry) => entry.origin), ...named]) {
    if (id >= originCount) throw malformed(`origin number ${id} of ${originCount}`);
  }
  // Every number is a double: there is nothing to check.
  if (run.values.numbers === undefined || schema.column !== 'double')
    for (const cell of run.values.numbers ?? run.values.cells ?? []) schema.checkCell(cell);
}

/** Says how key numbers of a run are read, before or after {@link learnRun}; the run must have been checked. */
export function keyTextsOf(table: Intake, run: DecodedRun, origins: Origins): (id: number) => string {
  const origin = origins.find(run.origin);
  const dictionary = origin === undefined ? undefined : table.held.dictionaries.get(origin);
  const { keys } = run.state;
  return (id) =>
    id < keys && dictionary !== undefined
      ? table.rows.text(dictionary.slot(id))
      : (run.newKeys[id - keys] as string);
}

/** Takes the new keys and origins of a checked run into its author's dictionary. */
export function learnRun(
  table: Intake,
  run: DecodedRun,
  on: { readonly origin: number; readonly origins: Origins; readonly position: number },
): Dictionary {
  const author = on.origins.at(on.origin).nodeId;
  let dictionary = table.held.dictionaries.get(on.origin);
  if (dictionary === undefined || dictionary.chapter !== run.state.chapter) {
    dictionary ??= new Dictionary(run.state.chapter);
    dictionary.beginChapter(run.state.chapter, on.position);
    table.held.dictionaries.set(on.origin, dictionary);
  }
  for (let index = dictionary.origins.length - run.state.origins; index < run.newOrigins.length; index++) {
    dictionary.origins.push(table.held.claims.intern(run.newOrigins[index] as string, author));
  }
  for (let index = dictionary.size - run.state.keys; index < run.newKeys.length; index++) {
    dictionary.addKey(table.rows.slotOf(run.newKeys[index] as string));
  }
  return dictionary;
}

/** Takes in what the author of a checked run says it had seen; returns all that is known of that. */
export function learnContext(
  held: Held,
  run: DecodedRun,
  of: { readonly origin: number; readonly dictionary: Dictionary },
): VersionVector {
  const seen = held.contextOf(of.origin);
  for (const entry of run.context) {
    const origin = of.dictionary.origins[entry.origin] as number;
    seen.advance(origin, entry.sequence);
    const overtaking = { by: of.origin, from: run.firstSequence, origin, through: entry.sequence };
    if (held.overtakings.note(overtaking)) held.noteSeen(origin);
  }
  return seen;
}
