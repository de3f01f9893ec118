import type { Command } from 'commander';
import type { LogFile } from '../../index.ts';
import { exitingWith, newCommand } from '../command.ts';
import { EXIT } from '../failure.ts';
import { declarationIn, keptFrom, withLogFile } from '../log-source.ts';
import { type ToldOperation, shownLimit, withLimit, withLooks } from '../looking.ts';
import { type NodeOrFileFlags, namesFile, withNodeOrFile } from '../node-or-file.ts';
import { operationJson, operationLine } from '../operation-lines.ts';
import { note, printAll, together, visible } from '../output.ts';
import { RowText } from '../row-text.ts';

interface HistoryFlags extends NodeOrFileFlags {
  readonly limit?: number | undefined;
}

interface KeyHistory {
  readonly text: RowText;
  readonly key: unknown;
  readonly operations: readonly ToldOperation[];
  readonly complete: boolean;
}

/** `tablecast history`: what happened to one key. */
export function historyCommand(): Command {
  const command = newCommand('history', 'print every operation on one key: when, by whom, and which value', [
    'tablecast history known_hosts 10.0.0.1',
    'tablecast history known_services 10.0.0.1 443/tcp --limit 20 --json',
    'tablecast history known_hosts 10.0.0.1 --file data/manager.tablecast.db',
  ]);
  return withLimit(withNodeOrFile(command), 'operations')
    .argument('<table>', 'a table of the running node, or of the database')
    .argument('<key...>', 'one word for each column of the key')
    .addHelpText(
      'after',
      '\nOldest first, in the order of the log of that node; it is read from its beginning, which for a long log takes\n' +
        'its time. A clear and a switch of mode concern every key. Exit code 1 when there is nothing.',
    )
    .action(exitingWith(history));
}

async function history(name: string, words: readonly string[], flags: HistoryFlags): Promise<number> {
  const limit = shownLimit(flags.limit);
  const { text, key, operations, complete } = namesFile(flags)
    ? await withLogFile(flags, (file) => inFile(file, { name, words, limit }))
    : await withLooks(flags, async (node) => {
        const { declaration } = await node.table(name);
        const row = new RowText(name, declaration);
        const asked = row.key(words);
        return { text: row, key: asked, ...(await node.history(name, { key: asked, limit })) };
      });
  const toLine = flags.json === true ? operationJson : operationLine;
  const isOfAll = (kind: string): boolean => kind === 'clear' || kind === 'switch';
  await printAll(
    together(
      operations.map((told) =>
        toLine({ ...told, table: name, key: isOfAll(told.kind) ? undefined : key }, text),
      ),
    ),
  );
  if (operations.length === 0) note(visible(`the log of ${name} has nothing of key ${words.join(' ')}`));
  else if (!complete) note('older operations are left out: see --limit, and what the log still has');
  return operations.some(({ kind }) => !isOfAll(kind)) ? EXIT.ok : EXIT.negative;
}

async function inFile(
  file: LogFile,
  {
    name,
    words,
    limit,
  }: { readonly name: string; readonly words: readonly string[]; readonly limit: number },
): Promise<KeyHistory> {
  const text = new RowText(name, declarationIn(file, name));
  const key = text.key(words);
  const wanted = text.keyJson(key);
  const isWhole = (await keptFrom(file, 0)) !== undefined;
  let found: ToldOperation[] = [];
  let count = 0;
  for await (const operation of file.follow({ table: name, ...(isWhole && { after: 0 }) })) {
    if (operation.key !== undefined && text.keyJson(operation.key) !== wanted) continue;
    count++;
    if (found.push(operation) > 2 * limit) found = found.slice(-limit);
  }
  return { text, key, operations: found.slice(-limit), complete: isWhole && count <= limit };
}
