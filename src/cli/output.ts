/** Control characters, those that steer terminals among them, and marks that reorder text. */
const CONTROL = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Text from outside, as one line that cannot steer a terminal. */
export function visible(text: string): string {
  return text.replace(CONTROL, (mark) => {
    const named = { '\t': '\\t', '\n': '\\n', '\r': '\\r' }[mark];
    return named ?? `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Writes one line of results. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes one line for people: progress, warnings. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Writes text in pieces, no faster than it is taken. */
export async function printAll(
  chunks: Iterable<string> | AsyncIterable<string>,
  output: NodeJS.WritableStream = process.stdout,
): Promise<void> {
  for await (const chunk of chunks) {
    if (!output.write(chunk)) await new Promise((resolve) => output.once('drain', resolve));
  }
}

/** Ends the command when its output cannot be written: without a word when nobody reads on, as in `tablecast tail hosts | head`. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    note(`error: the output cannot be written (${error.message}).`);
    process.exit(4);
  });
}
