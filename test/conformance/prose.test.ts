import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { lexer, type Token } from 'marked';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Characters as they stand in the file: links and marks count, because whoever edits reads them too. */
const PARAGRAPH = 500;
const CELL = 200;
const FOLDERS = ['docs', 'examples', 'deploy', 'bench', 'page', 'zeek'];

/** Pages that people read, as paths below the root; what is generated or installed is not ours to shorten. */
function pages(): string[] {
  const below = FOLDERS.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      path.join(folder, name),
    ),
  );
  return [...readdirSync(root), ...below].filter(
    (name) => name.endsWith('.md') && !/(?:^|\/)(?:node_modules|api)\//.test(name),
  );
}

interface Piece {
  readonly kind: 'paragraph' | 'cell';
  readonly text: string;
}

/** The paragraphs and cells of a token of Markdown, of lists and quotations as well. */
function piecesOf(token: Token): Piece[] {
  switch (token.type) {
    case 'paragraph':
    case 'text':
      return [{ kind: 'paragraph', text: token.raw.trim() }];
    case 'table': {
      const cells: { text: string }[] = [...token.header, ...token.rows.flat()];
      return cells.map(({ text }) => ({ kind: 'cell', text }));
    }
    case 'list':
      return token.items.flatMap(piecesOf);
    default:
      return 'tokens' in token && token.type !== 'heading' ? (token.tokens ?? []).flatMap(piecesOf) : [];
  }
}

/** Pieces of a page that are too long, each with its length and how it begins. */
function tooLong(markdown: string): string[] {
  return lexer(markdown)
    .flatMap(piecesOf)
    .filter(({ kind, text }) => text.length > (kind === 'cell' ? CELL : PARAGRAPH))
    .map(({ kind, text }) => `${kind} of ${text.length}: ${text.slice(0, 60)}`);
}

describe('what is counted', () => {
  const words = (count: number): string => 'a'.repeat(count);

  it('lets a paragraph have 500 characters, also in a list and in a quotation, and no more', () => {
    for (const before of ['', '- ', '> ', '1. ', '- a\n\n  ']) {
      expect(tooLong(`${before}${words(PARAGRAPH)}\n`), before).toEqual([]);
      expect(tooLong(`${before}${words(PARAGRAPH + 1)}\n`), before).toHaveLength(1);
    }
  });

  it('lets a cell of a table have 200 characters, and no more; counts lines of code nowhere', () => {
    for (const [length, count] of [
      [CELL, 0],
      [CELL + 1, 1],
    ] as const) {
      expect(tooLong(`| a | b |\n|---|---|\n| c | ${words(length)} |\n`)).toHaveLength(count);
    }
    expect(tooLong(`\`\`\`sh\n${words(PARAGRAPH + 1)}\n\`\`\`\n`)).toEqual([]);
  });
});

describe.each(pages())('%s', (page) => {
  it('has no paragraph over 500 characters, and no cell of a table over 200', () => {
    expect(tooLong(readFileSync(path.join(root, page), 'utf8'))).toEqual([]);
  });
});
