import { posix } from 'node:path';

/** A folder of `src`: what it is, what it may import, and whether it also runs in a browser. */
export interface Room {
  /** From `src` on; the rule is for the files that lie in it, and not for folders in it. */
  readonly folder: string;
  readonly what: string;
  /** Folders, with all that is in them, and files, from `src` on. What lies in the folder itself needs no entry. */
  readonly may: readonly string[];
  /** True where nothing of Node.js may be imported. */
  readonly pure: boolean;
}

interface Restriction {
  readonly group: readonly string[];
  readonly message: string;
}

const PURE: Restriction = {
  group: ['node:*'],
  message: 'This part also runs in a browser: what the platform offers is handed in.',
};

/** A path from `src` on, as a file of `folder` writes it. */
function specifier(folder: string, path: string): string {
  const relative = posix.relative(folder, path);
  if (/^[./]*$/.test(relative))
    throw new Error(`${folder} names ${path}, which it lies in: name files of it`);
  return path.endsWith('.ts') ? relative : `${relative}/**`;
}

function restrictions({ folder, may, pure }: Room): readonly Restriction[] {
  const known = may.length === 0 ? 'nothing of ours' : may.join(', ');
  const own: Restriction = {
    group: ['../**', ...may.map((path) => `!${specifier(folder, path)}`)],
    message: `${folder} may import ${known}: see scripts/rooms.list.ts.`,
  };
  return pure ? [own, PURE] : [own];
}

/** What the linter reads: one override a folder, because its patterns see a path as it is written. */
export function lintRules(rooms: readonly Room[]): string {
  const overrides = rooms.map((room) => ({
    files: [`src/${room.folder}/*.ts`],
    rules: { 'no-restricted-imports': ['error', { patterns: restrictions(room) }] },
  }));
  return `${JSON.stringify({ overrides }, undefined, 2)}\n`;
}

/** Characters of a cell, as every page has them (`test/conformance/prose.test.ts`). */
const CELL = 200;

/** The paths in as few cells as they fit into. */
function cells(paths: readonly string[]): string[] {
  const packed: string[] = [];
  for (const path of paths) {
    const longer = [...packed.splice(-1), `\`${path}\``].join(', ');
    if (longer.length <= CELL) packed.push(longer);
    else packed.push(longer.slice(0, longer.lastIndexOf(', ')), `\`${path}\``);
  }
  return packed;
}

/** The table of docs/architecture.md. */
export function importTable(rooms: readonly Room[]): string {
  const rows = rooms.flatMap(({ folder, what, may }) => {
    const [first = 'nothing', ...more] = cells(may);
    return [`| \`${folder}\` | ${what} | ${first} |`, ...more.map((cell) => `| | | ${cell} |`)];
  });
  return ['| folder of `src` | what it is | may import |', '|---|---|---|', ...rows].join('\n');
}

const TABLE = /^\| folder of `src` \|.*\n(?:\|.*\n)*/m;

/** The page with its table replaced. Throws where it has none. */
export function replaceTable(page: string, table: string): string {
  if (!TABLE.test(page)) throw new Error('docs/architecture.md has no table of folders');
  return page.replace(TABLE, () => `${table}\n`);
}
