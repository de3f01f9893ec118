import { posix } from 'node:path';

/** A folder of `src`, as the table of docs/architecture.md has it. */
export interface Room {
  /** From `src` on; the rule is for the files that lie in it, and not for folders in it. */
  readonly folder: string;
  /**
   * From `src` on: files, folders with all that is in them, and `folder/*.ts` for the files that lie in one. What
   * lies in the folder itself needs no entry.
   */
  readonly may: readonly string[];
  /** True where nothing of Node.js may be imported. */
  readonly browser: boolean;
}

interface Restriction {
  readonly group: readonly string[];
  readonly message: string;
}

const PURE: Restriction = {
  group: ['node:*'],
  message: 'This part also runs in a browser: what the platform offers is handed in.',
};

const TABLE = /^\| folder of `src` \|.*\n\|[-|]*\n((?:\|.*\n)*)/m;

/** The rooms of the page, in its order. Throws where it has no table of them. */
export function roomsOf(page: string): readonly Room[] {
  const [, rows] = TABLE.exec(page) ?? [];
  if (rows === undefined) throw new Error('docs/architecture.md has no table of folders');
  const rooms: { folder: string; may: string[]; browser: boolean }[] = [];
  for (const row of rows.trimEnd().split('\n')) {
    const [, folder = '', , may = '', browser] = row.split('|').map((cell) => cell.trim());
    const names = Array.from(may.matchAll(/`([^`]+)`/g), ([, name = '']) => name);
    // A row that begins empty goes on with the one above: no cell is longer than a page allows.
    if (folder === '') rooms.at(-1)?.may.push(...names);
    else rooms.push({ folder: folder.slice(1, -1), may: names, browser: browser === 'yes' });
  }
  return rooms;
}

/** A path from `src` on, as a file of `folder` writes it. */
function specifier(folder: string, path: string): string {
  const relative = posix.relative(folder, path);
  if (/^[./]*$/.test(relative)) throw new Error(`${folder} names ${path}, which it lies in: name what of it`);
  return path.endsWith('.ts') ? relative : `${relative}/**`;
}

function restrictions({ folder, may, browser }: Room): readonly Restriction[] {
  const known = may.length === 0 ? 'nothing of ours' : may.join(', ');
  const own: Restriction = {
    group: ['../**', ...may.map((path) => `!${specifier(folder, path)}`)],
    message: `${folder} may import ${known}: see docs/architecture.md.`,
  };
  return browser ? [own, PURE] : [own];
}

/** What the linter reads: one override a folder, because its patterns see a path as it is written. */
export function lintRules(rooms: readonly Room[]): string {
  const overrides = rooms.map((room) => ({
    files: [`src/${room.folder}/*.ts`],
    rules: { 'no-restricted-imports': ['error', { patterns: restrictions(room) }] },
  }));
  return `${JSON.stringify({ overrides }, undefined, 2)}\n`;
}
