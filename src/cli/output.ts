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

/** What is printed at once, in characters, unless a single line is longer. */
const CHARACTERS_AT_ONCE = 65_536;

/** Puts lines together, as many as are printed at once. */
export async function* together(lines: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
  let text = '';
  for await (const line of lines) {
    text += line;
    if (text.length < CHARACTERS_AT_ONCE) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}

/**
 * Ends the command when its output cannot be written: without a word when nobody reads on, as in
 * `tablecast tail hosts | head`. Notes that nobody reads end nothing.
 */
export function endWithReader(): void {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    note(`error: the output cannot be written (${error.message}).`);
    process.exit(4);
  });
}

/** From now on the output is a log, without which the work goes on: what becomes of a node is not up to who reads along. */
export function goOnWithoutReader(): void {
  process.stdout.removeAllListeners('error');
  let told = false;
  process.stdout.on('error', ({ message }) => {
    if (!told) note(`error: the log cannot be written (${message}); the node goes on.`);
    told = true;
  });
}
