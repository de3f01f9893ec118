import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { vi } from 'vitest';
import { isTablecastError } from '../../src/index.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A program of a page, and what the page says that it prints. */
export interface PageProgram {
  readonly code: string;
  readonly says: string | undefined;
}

/** The programs of a page: every block of TypeScript, with the block of text behind it. */
export function programsOf(markdown: string): readonly PageProgram[] {
  const blocks = markdown.matchAll(/^```ts\n([\s\S]*?)^```$(?:\s*^```text\n([\s\S]*?)^```$)?/gm);
  return Array.from(blocks, ([, code = '', says]) => ({ code, says: says?.trimEnd() }));
}

/** Runs a program in an empty directory, as it stands on the page; returns what it prints, and throws, as text. */
export async function run(program: PageProgram): Promise<string> {
  const file = written(program.code);
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((...words) => {
    lines.push(words.map(String).join(' '));
  });
  try {
    await import(/* @vite-ignore */ pathToFileURL(file).href);
  } catch (error) {
    lines.push(...thrown(error));
  } finally {
    log.mockRestore();
  }
  return lines.join('\n');
}

/** What a page shows of an error that its program ends with. */
function thrown(error: unknown): readonly string[] {
  if (!isTablecastError(error)) throw error;
  return [`${error.name} [${error.code}]: ${error.message}`, error.hint];
}

/** Directories of programs that ran; they are kept while anything may still stand in one. */
const made: string[] = [];

/** Goes back to where the process stood, and removes what programs left. */
export function cleanUp(): void {
  process.chdir(root);
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
}

/** The program in a file of this checkout, so that it finds the package; the process stands in an empty directory. */
function written(code: string): string {
  mkdirSync(path.join(root, 'tmp'), { recursive: true });
  const folder = mkdtempSync(path.join(root, 'tmp/page-'));
  const empty = mkdtempSync(path.join(tmpdir(), 'tablecast-page-'));
  made.push(folder, empty);
  process.chdir(empty);
  const file = path.join(folder, 'program.ts');
  writeFileSync(file, code);
  return file;
}
