/** A bug to plant: places in the sources, each of which stands there exactly once, and what to put there. */
export interface PlantedBug {
  readonly name: string;
  readonly edits: readonly { readonly file: string; readonly find: string; readonly replace: string }[];
  /** Test files of which one has to catch it. */
  readonly tests: readonly string[];
}

/** A bug of one place. */
export const bug = (
  name: string,
  place: readonly [file: string, find: string, replace: string],
  tests: readonly string[],
): PlantedBug => {
  const [file, find, replace] = place;
  return { name, edits: [{ file: `src/${file}`, find, replace }], tests };
};
