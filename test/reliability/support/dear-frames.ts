import { RunWriter } from '../../../src/log/runs/run-writer.ts';
import { encodeMessage } from '../../../src/replication/wire/wire.ts';

/** Most bytes of one value. */
const VALUE_BYTES = 256 * 1024;
/** How many of them go into a frame of 4 MiB. */
export const DEAR_VALUES = 15;

/** JSON text of a list, of so many bytes at most. */
function listOf(bytes: number, entryOf: (index: number) => string): string {
  const entries: string[] = [];
  for (let length = 2; ;) {
    const entry = entryOf(entries.length);
    length += entry.length + 1;
    if (length > bytes) return `[${entries.join(',')}]`;
    entries.push(entry);
  }
}

/** Values that take the longest to check and to convert, by what they are full of. */
export const dearValues: readonly (readonly [what: string, text: string])[] = (
  [
    ['lists within lists', () => '['.repeat(30) + ']'.repeat(30)],
    ['objects, each with a member of another name', (index) => `{"${index.toString(36)}":0}`],
    ['empty objects', () => '{}'],
    ['numbers', () => '0'],
  ] as const satisfies readonly [string, (index: number) => string][]
).map(([what, entryOf]) => [what, listOf(VALUE_BYTES, entryOf)] as const);

/** A frame that writes texts, as they are, into a table of complex values. */
export function frameOfTexts(texts: readonly string[], table: string, author: string): Uint8Array {
  const run = new RunWriter('text');
  run.begin(1, { chapter: 0, keys: 0, origins: 0 }, []);
  for (const [index, text] of texts.entries()) {
    run.addKey(`key ${index}`);
    run.addSet(index, text, 5);
  }
  return encodeMessage({ type: 'runs', runs: [run.encode(table, `${author}@1`, 1)] });
}
