/** The script package: what `zkg` asks of it, and that both sides and the stand-in speak of the same events. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { tablecastEvents } from './protocol/stand-in/tablecast-script.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** The fields that zkg 2.13 and 3.2 read. */
const KNOWN_FIELDS = [
  'aliases',
  'build_command',
  'config_files',
  'credits',
  'depends',
  'description',
  'executables',
  'external_depends',
  'plugin_dir',
  'script_dir',
  'suggests',
  'summary',
  'tags',
  'test_command',
  'user_vars',
  'version',
];

/** Fields of the one section; a line that begins with white space goes on with the one before. */
function fields(): ReadonlyMap<string, string> {
  const [head = '', ...lines] = read('zkg.meta').trimEnd().split('\n');
  expect(head).toBe('[package]');
  const found = new Map<string, string>();
  let name = '';
  for (const line of lines) {
    const [, begun, value = ''] = /^(\w+) =\s*(.*)$/.exec(line) ?? [];
    if (begun === undefined) expect(line).toMatch(/^\s+\S/);
    name = begun ?? name;
    found.set(name, begun === undefined ? `${found.get(name) ?? ''} ${line.trim()}`.trim() : value);
  }
  return found;
}

test('zkg.meta says what zkg needs, and nothing that it does not know', () => {
  const meta = fields();
  for (const name of meta.keys()) expect(KNOWN_FIELDS).toContain(name);
  expect(meta.get('description')?.length).toBeGreaterThan(20);
  expect(meta.get('description')).not.toContain('%');
  // `@load tablecast` must work whatever the folder is called that was cloned.
  expect(meta.get('aliases')?.split(/[\s,]+/)).toContain('tablecast');
  expect(meta.get('depends')).toMatch(/^zeek >=8\.2\.0$/);
  for (const tag of (meta.get('tags') ?? '').split(', ')) expect(tag).toMatch(/^[a-z_]+$/);
  const scripts = meta.get('script_dir') ?? '';
  expect(existsSync(join(root, scripts, '__load__.zeek'))).toBe(true);
});

test('what the package loads of itself is there, and all of it is loaded', () => {
  const loaded = [...read('zeek/__load__.zeek').matchAll(/^@load \.\/(\S+)$/gm)].map(
    ([, name]) => `${name}.zeek`,
  );
  const present = readdirSync(join(root, 'zeek')).filter(
    (name) => name.endsWith('.zeek') && name !== '__load__.zeek',
  );
  expect(loaded.toSorted()).toEqual(present.toSorted());
});

/** The events that the package declares, with the types of their arguments as JSON spells them. */
function declared(): ReadonlyMap<string, readonly string[]> {
  const script = read('zeek/tablecast.zeek');
  const vectors = [...script.matchAll(/^\ttype (\w+): vector of/gm)].map(([, name]) => name ?? '');
  const jsonType = (zeek: string): string => {
    if (zeek === 'bool') return 'boolean';
    return vectors.includes(zeek) || zeek.startsWith('vector of') ? 'vector' : zeek;
  };
  const events = [...script.matchAll(/^\tglobal (\w+): event\(([^)]*)\);/gm)];
  return new Map(
    events.map(([, name = '', args = '']) => {
      const types = args.split(/,\s*/).filter((arg) => arg !== '');
      return [`Tablecast::${name}`, types.map((arg) => jsonType((arg.split(': ')[1] ?? '').trim()))];
    }),
  );
}

test('the stand-in knows the events as the package declares them', () => {
  const inScript = declared();
  expect(inScript.size).toBeGreaterThan(8);
  for (const [name, types] of tablecastEvents) expect([name, inScript.get(name)]).toEqual([name, types]);
});

test('every event that a node sends or reads is one that the package declares, and handles if it is sent to it', () => {
  const inScript = declared();
  const folder = join(root, 'src/zeek/attachment');
  const sources = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  const named = new Set(
    sources.flatMap((text) => text.match(/'Tablecast::\w+'/g) ?? []).map((name) => name.slice(1, -1)),
  );
  expect([...named].filter((name) => !inScript.has(name))).toEqual([]);
  const handled = [...read('zeek/tablecast.zeek').matchAll(/^event (\w+)\(/gm)].map(
    ([, name]) => `Tablecast::${name}`,
  );
  const toZeek = [...tablecastEvents.keys()].filter((name) => name !== 'Tablecast::node_started');
  expect(toZeek.filter((name) => !handled.includes(name))).toEqual([]);
  const published = [
    ...read('zeek/tablecast.zeek').matchAll(/Cluster::publish\([^,]+(?:\([^)]*\))?, (Tablecast::\w+)/g),
  ];
  const said = new Set(published.map(([, name]) => name));
  const heard = [...named].filter((name) => !tablecastEvents.has(name));
  expect(heard.filter((name) => !said.has(name))).toEqual([]);
});

test('the topics that a node expects are the defaults of the package', () => {
  const script = read('zeek/tablecast.zeek');
  const topics = [...script.matchAll(/const \w+_topic = "(tablecast\/\w+\/)"/g)].map(([, topic]) => topic);
  expect(new Set(topics)).toEqual(
    new Set(['tablecast/announce/', 'tablecast/content/', 'tablecast/pulse/', 'tablecast/status/']),
  );
  const folder = join(root, 'src/zeek/attachment');
  const sources = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  for (const topic of topics) expect(sources).toContain(`'${topic}'`);
});
