import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { lintRules, roomsOf } from '../../scripts/rooms.ts';

const at = (path: string): URL => new URL(`../../${path}`, import.meta.url);
const read = (path: string): string => readFileSync(at(path), 'utf8');

const rooms = roomsOf(read('docs/architecture.md'));
const sources = readdirSync(at('src'), { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts'));

test('files and folders that the pictures and the table of changes name are there', () => {
  const [, section = ''] =
    /## In pictures\n([\s\S]*?)\n## Folders\n/.exec(read('docs/architecture.md')) ?? [];
  const changes = section.split('## Where to change what')[1] ?? '';
  const starts = Array.from(changes.matchAll(/^\|[^|]*\|([^|]*)\|/gm), ([, cell = '']) => cell).flatMap(
    (cell) => Array.from(cell.matchAll(/`([\w./-]+)`/g), ([, path]) => `src/${path}`),
  );
  const boxes = Array.from(
    section.matchAll(/\["([a-z][\w-]*(?:\/[\w-]+)*(?:\.ts)?):/g),
    ([, path]) => `src/${path}`,
  );
  const named = [...starts, ...boxes].filter((path) => path !== 'src/src');
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((path) => !existsSync(at(path)))).toEqual([]);
});

test('classes and functions that the text and the pictures name are declared in the sources', () => {
  const [text = ''] = read('docs/architecture.md').split('\n## Invariants\n');
  const quoted = Array.from(text.matchAll(/`([A-Za-z]\w*(?:\.[a-z]\w*)?)`/g), ([, name = '']) => name);
  const drawn = Array.from(text.matchAll(/\["\d\. (\w+):/g), ([, name = '']) => name);
  // What lies in a file is asked for by its name there: `OperationLog.seal` is a class and its method.
  const names = [...quoted, ...drawn]
    .filter((name) => !name.endsWith('.ts'))
    .flatMap((name) => name.split('.'));
  expect(names.length).toBeGreaterThan(10);
  const code = sources.map((file) => read(`src/${file}`)).join('\n');
  const isDeclared = (name: string): boolean =>
    new RegExp(`(?:class|interface|function|const) ${name}\\b|^  (?:readonly )?${name}[(:<]`, 'm').test(code);
  const folders = new Set(sources.flatMap((file) => posix.dirname(file).split('/')));
  expect(names.filter((name) => !isDeclared(name) && !folders.has(name))).toEqual([]);
});

test('what the table of changes says to run is there to be run', () => {
  const [, table = ''] =
    /## Where to change what\n([\s\S]*?)\n## Folders\n/.exec(read('docs/architecture.md')) ?? [];
  const cells = Array.from(table.matchAll(/^\|.*\| `([^`]+)` \|$/gm), ([, cell = '']) => cell);
  expect(cells.length).toBeGreaterThan(10);
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const canRun = (cell: string): boolean => {
    const [, script] = /^npm run (\w+) -- /.exec(cell) ?? [];
    if (script !== undefined) return script in scripts;
    return cell.split(' ').every((path) => existsSync(at(path)) || existsSync(at(`${path}.test.ts`)));
  };
  expect(cells.filter((cell) => !canRun(cell))).toEqual([]);
});

/** Where each port of the table stands. */
const PORTS: Readonly<Record<string, string>> = {
  Backend: 'log/backend.ts',
  Transport: 'transport/transport.ts',
  Connection: 'transport/transport.ts',
  Carrier: 'carrier/carrier.ts',
  CarrierLink: 'carrier/carrier.ts',
  ConflictMode: 'modes/conflict-mode.ts',
  Environment: 'environment.ts',
};

test('the table of ports names every member of each', () => {
  const [, section = ''] = /\n## Ports\n([\s\S]*?)\n## /.exec(read('docs/architecture.md')) ?? [];
  const said = Array.from(section.matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm), ([, port = '', members = '']) => [
    port,
    members.split(', ').toSorted(),
  ]);
  const found = Object.entries(PORTS).map(([port, file]) => {
    const [, body = ''] =
      new RegExp(`export interface ${port} \\{\\n([\\s\\S]*?)\\n\\}`).exec(read(`src/${file}`)) ?? [];
    const members = body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(<]/gm);
    return [port, Array.from(members, ([, name = '']) => name).toSorted()];
  });
  expect(said).toEqual(found);
});

/** What a file of `src` imports of ours, types included, from `src` on. */
function importsOf(file: string): string[] {
  const found = read(`src/${file}`).matchAll(/(?:from|import\()\s*'(\.[^']+)'/g);
  return Array.from(found, ([, path]) => posix.join(posix.dirname(file), path ?? ''));
}

/** Rooms that an arrow leads to, from each, directly or through others. */
function reachable(arrows: ReadonlyMap<string, readonly string[]>, from: string): Set<string> {
  const found = new Set<string>();
  const open = [from];
  for (let next = open.pop(); next !== undefined; next = open.pop())
    for (const to of arrows.get(next) ?? [])
      if (!found.has(to)) {
        found.add(to);
        open.push(to);
      }
  return found;
}

/** The picture of the projection's rooms, by the names of folders and files. */
function arrowsOfProjection(): ReadonlyMap<string, readonly string[]> {
  const [, picture = ''] = /```mermaid\nflowchart BT\n([\s\S]*?)```/.exec(read('docs/architecture.md')) ?? [];
  const files = new Map(
    Array.from(picture.matchAll(/(\w+)\["([\w.-]+)"\]/g), ([, name = '', file = '']) => [name, file]),
  );
  const lines = picture.replaceAll(/\["[\w.-]+"\]/g, '').matchAll(/^ *(\w+) --> (.+)$/gm);
  const nameOf = (room: string): string => files.get(room) ?? room;
  return new Map(
    Array.from(lines, ([, from = '', to = '']) => [nameOf(from), to.split(' & ').map(nameOf)] as const),
  );
}

test("the picture of the projection's rooms shows every way that a file goes, and those against it are named", () => {
  const arrows = arrowsOfProjection();
  const roomOf = (file: string): string => file.split('/')[1] ?? '';
  const inProjection = sources.filter((file) => file.startsWith('projection/'));
  const drawn = new Set(inProjection.map(roomOf).filter((room) => room !== 'context.ts'));
  expect(new Set([...arrows].flat(2))).toEqual(drawn);
  const against = inProjection.flatMap((file) => {
    const ways = new Set([roomOf(file), 'context.ts', ...reachable(arrows, roomOf(file))]);
    const others = importsOf(file).filter((to) => to.startsWith('projection/') && !ways.has(roomOf(to)));
    return others.map((to) => `${file} -> ${to}`);
  });
  expect(against.filter((way) => !way.startsWith('projection/context.ts'))).toEqual([
    'projection/folding/document-fold.ts -> projection/writing/own-past.ts',
    'projection/times/deadlines.ts -> projection/table-state.ts',
    'projection/times/row-lives.ts -> projection/table-state.ts',
  ]);
});

/** Whether an entry of a rule lets a file be imported. */
function opens(entry: string, file: string): boolean {
  if (entry.endsWith('/*.ts')) return posix.dirname(file) === posix.dirname(entry);
  return file === entry || file.startsWith(`${entry}/`);
}

test('every folder of src has a rule, and every rule a folder', () => {
  const folders = new Set(sources.map((name) => posix.dirname(name)).filter((name) => name !== '.'));
  expect(rooms.map(({ folder }) => folder).toSorted()).toEqual([...folders].toSorted());
});

test('no rule opens what no file needs', () => {
  const idle = rooms.flatMap(({ folder, may }) => {
    const needed = sources.filter((name) => posix.dirname(name) === folder).flatMap(importsOf);
    const unused = may.filter((entry) => !needed.some((file) => opens(entry, file)));
    return unused.map((entry) => `${folder} may import ${entry}`);
  });
  expect(idle).toEqual([]);
});

test("the linter's rules are those of docs/architecture.md: else run npm run rooms", () => {
  expect(JSON.parse(read('oxlint.rooms.json'))).toEqual(JSON.parse(lintRules(rooms)));
});
