import type { Command } from 'commander';
import { colors } from '../colors.ts';
import { exitingWith, newCommand, withJson } from '../command.ts';
import { didYouMean } from '../nearest-word.ts';
import { type Page, pageOf, pagesThere } from '../pages.ts';
import { EXIT, usageError } from '../failure.ts';
import { print, printText } from '../output.ts';

/** `tablecast explain`: the page of a code of an error or an event, from the files of the package. */
export function explainCommand(): Command {
  const command = newCommand('explain', 'print the page of an error or an event: cause, remedy, example', [
    'tablecast explain KEY_INVALID',
    'tablecast explain table-refused',
    'tablecast explain                      # lists all codes',
  ]);
  return withJson(command)
    .argument('[code]', 'as it stands in the error, or in the line of the log')
    .action(exitingWith(explain));
}

async function explain(
  code: string | undefined,
  flags: { readonly json?: boolean | undefined },
): Promise<number> {
  const asJson = flags.json === true;
  if (code === undefined) {
    for (const { kind, code: known } of pagesThere())
      print(asJson ? JSON.stringify({ code: known, kind }) : `${kind.padEnd(6)} ${known}`);
    return EXIT.ok;
  }
  const page = pageOf(code);
  if (page === undefined) throw unknown(code);
  if (asJson) print(JSON.stringify(page));
  else printText(shown(page));
  return EXIT.ok;
}

/** The page as it stands in its file, headings brighter than the rest. */
function shown({ text, file }: Page): string {
  const body = text.trimEnd().replaceAll(/^#+ .+$/gm, (heading) => colors.bold(heading));
  return `${body}\n\n${colors.dim(file)}`;
}

function unknown(code: string): Error {
  const known = Array.from(pagesThere(), (page) => page.code);
  const meant = didYouMean(code, known) || didYouMean(code.toUpperCase(), known);
  return usageError(
    `There is no code ${JSON.stringify(code.slice(0, 80))}.${meant}`,
    'tablecast explain lists all codes.',
  );
}
