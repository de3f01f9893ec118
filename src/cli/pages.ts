import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The sources and the built file lie equally deep. */
const DOCS = new URL('../../docs/', import.meta.url);
const FOLDERS = { error: 'errors/', event: 'events/' } as const;

/** Says whose page there is. */
export interface PageName {
  readonly kind: keyof typeof FOLDERS;
  readonly code: string;
}

/** A page is what a file of the package says about one code. */
export interface Page extends PageName {
  readonly file: string;
  /** Markdown. */
  readonly text: string;
}

/** Gives the names of all pages, errors first, each kind in the order of the alphabet. */
export function pagesThere(): readonly PageName[] {
  return Object.entries(FOLDERS).flatMap(([kind, folder]) =>
    readdirSync(new URL(folder, DOCS))
      .filter((name) => name.endsWith('.md') && name !== 'README.md')
      .toSorted()
      .map((name) => ({ kind: kind as keyof typeof FOLDERS, code: name.slice(0, -3) })),
  );
}

/** Gives the page of a code, however its letters are written; undefined when there is none. */
export function pageOf(code: string): Page | undefined {
  const name = pagesThere().find((one) => one.code.toLowerCase() === code.toLowerCase());
  if (name === undefined) return undefined;
  const url = new URL(`${FOLDERS[name.kind]}${name.code}.md`, DOCS);
  return { ...name, file: fileURLToPath(url), text: readFileSync(url, 'utf8') };
}
