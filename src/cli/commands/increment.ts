import type { Command } from 'commander';
import { exitingWith, newCommand, withPeer } from '../command.ts';
import { EXIT, usageError } from '../failure.ts';
import { print } from '../output.ts';
import { wordValue } from '../row-text.ts';
import { type HolderFlags, withHolders } from '../holders.ts';
import { writeOne } from '../written.ts';

const NUMBERS = ['count', 'int', 'double'];

/** `tablecast increment`: adds to the number of one row. */
export function incrementCommand(): Command {
  const command = newCommand('increment', 'add to the number of a key, and print the result', [
    'tablecast increment logins ada',
    'tablecast increment logins ada --by 10',
    'tablecast increment balance 7 --by=-2',
  ]);
  return withHolders(withPeer(command))
    .argument('<table>', 'a table of the running node whose values are count, int or double')
    .argument('<key...>', 'one word for each column of the key')
    .option('--by <number>', 'what is added; a count takes what leaves it above zero', '1')
    .addHelpText(
      'after',
      '\nIn mode automerge additions made at the same time add up. In other modes this reads, adds and writes:\n' +
        'of two at the same time one is lost, and told as a conflict.',
    )
    .action(exitingWith(increment));
}

async function increment(
  name: string,
  words: readonly string[],
  flags: HolderFlags & { readonly by: string },
): Promise<number> {
  await writeOne(
    name,
    flags,
    (text, declaration) => {
      const { value: type } = declaration;
      if (type === undefined || !NUMBERS.includes(type)) {
        const what = type === undefined ? 'no values' : `values of type ${type}`;
        throw usageError(`Table ${name} holds ${what}: nothing can be added.`, 'Use add, or set.');
      }
      const key = text.key(words);
      // A count takes away as well.
      const by = wordValue(type === 'count' && flags.by.startsWith('-') ? 'int' : type, flags.by) as
        | number
        | bigint;
      return { act: 'increment', key, value: by };
    },
    ({ value }, text) => print(text.valueText(value)),
  );
  return EXIT.ok;
}
