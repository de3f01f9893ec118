import { fitting, terminalWidth } from './drawn-rows.ts';
import { MARKS, markEscape } from './formats/marks.ts';

/** Text from outside, as one line that cannot steer a terminal. */
export function visible(text: string): string {
  return text.replace(MARKS, (mark) => ({ '\t': '\\t', '\n': '\\n', '\r': '\\r' })[mark] ?? markEscape(mark));
}

// eslint-disable-next-line no-control-regex
const COLOUR = /\u001b\[[0-9;]*m/;
const COLOUR_OR_MARK = new RegExp(`${COLOUR.source}|${MARKS.source}`, 'gu');

/**
 * Lines as they are written: colours, tabs and line ends stay, whatever else a terminal would act on is shown as
 * an escape, which in JSON means the same character. The last place where that can be seen to.
 */
export function harmless(lines: string): string {
  return lines.replace(COLOUR_OR_MARK, (found) => {
    return found.length > 1 || found === '\n' || found === '\t' ? found : markEscape(found);
  });
}

/** Writes one line of results. */
export function print(line: string): void {
  process.stdout.write(`${harmless(line)}\n`);
}

/** Is called before a note, while a line that changes stands where it goes. */
let beforeNote: (() => void) | undefined;

/** Has a function called before each note, until the returned one is called. */
export function onNote(act: () => void): () => void {
  beforeNote = act;
  return () => void (beforeNote = undefined);
}

/** Writes words, broken at spaces where the terminal ends. */
export function printText(text: string): void {
  print(fitting(text, terminalWidth()));
}

/** Writes one line for people: progress, warnings. It is broken at spaces where the terminal ends. */
export function note(line: string): void {
  noteWhole(fitting(line, terminalWidth(process.stderr)));
}

/** Writes one line for people that is never broken, because programs read it too. */
export function noteWhole(line: string): void {
  beforeNote?.();
  process.stderr.write(`${harmless(line)}\n`);
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

/** Bounds what is printed at once, in characters, unless a single line is longer. */
const CHARACTERS_AT_ONCE = 65_536;

/** Puts lines together, as many as are printed at once. */
export async function* together(lines: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
  let text = '';
  for await (const line of lines) {
    text += line;
    if (text.length < CHARACTERS_AT_ONCE) continue;
    yield harmless(text);
    text = '';
  }
  if (text !== '') yield harmless(text);
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

/** Writes what was stored in pieces: on a terminal as what can be seen, into a pipe or a file as it is. */
export async function printStored(
  chunks: Iterable<string> | AsyncIterable<string>,
  output: NodeJS.WritableStream & { readonly isTTY?: boolean } = process.stdout,
): Promise<void> {
  await printAll(output.isTTY === true ? seen(chunks) : chunks, output);
}

/** Colours too are what somebody stored. */
async function* seen(chunks: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
  for await (const chunk of chunks)
    yield chunk.replace(MARKS, (mark) => (mark === '\n' || mark === '\t' ? mark : markEscape(mark)));
}
