/** Fails at every row. */
export function where() {
  throw new Error('no such luck');
}
