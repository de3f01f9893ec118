/**
 * Makes the site of the documents where they are, `site/dist`: pages of plain HTML that open from a disk or from any
 * folder of any server, and ask nobody else for anything. A link that leads nowhere ends it with an error.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import MiniSearch from 'minisearch';
import { build } from 'vitepress';
import { deadLinks, requestsElsewhere } from './check.ts';

const site = fileURLToPath(new URL('./', import.meta.url));
const root = path.join(site, '..');
const dist = path.join(site, 'dist');
const reference = path.join(root, 'docs/api');

const relativeTo = (page, file) => path.relative(path.dirname(page), file).replaceAll(path.sep, '/') || './';

function filesIn(folder, extension) {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith(extension)).map((name) => path.join(folder, name));
}

/** Copies a file of the repository as text, or a list of what is in a folder; returns where it stands. */
function copied(source) {
  const place = path.join(dist, 'files', path.relative(root, source));
  const isFolder = statSync(source).isDirectory();
  const target = isFolder ? path.join(place, 'index.txt') : `${place}.txt`;
  mkdirSync(path.dirname(target), { recursive: true });
  const text = isFolder
    ? readdirSync(source, { recursive: true, encoding: 'utf8' }).toSorted().join('\n')
    : undefined;
  if (text === undefined) cpSync(source, target);
  else writeFileSync(target, `${text}\n`);
  return target;
}

/** Leads links to files of the repository to their copies, and every other one to its place beside the page. */
function relink(page) {
  const source = path.join(root, path.dirname(path.relative(dist, page)));
  const html = readFileSync(page, 'utf8')
    .replaceAll(/<a href="([^"#]*)(#[^"]*)?" data-file[^>]*>/g, (_, href, anchor = '') => {
      const file = path.resolve(source, decodeURI(href));
      if (!existsSync(file))
        throw new Error(`${path.relative(dist, page)} links to ${href}, which is not there.`);
      return `<a href="${relativeTo(page, copied(file))}${anchor}">`;
    })
    .replaceAll(
      /(href|src)="\/([^"]*)"/g,
      (_, name, target) => `${name}="${relativeTo(page, path.join(dist, target || 'index.html'))}"`,
    )
    .replace(
      /<script src="[^"]*site\.js"/,
      (tag) => `${tag} data-root="${relativeTo(page, dist).replace(/\/?$/, '/')}"`,
    );
  writeFileSync(page, html);
}

/** The sections of a page, for search: each with its heading, and the text below it. */
function sections(page) {
  const html = readFileSync(page, 'utf8');
  const id = path.relative(dist, page).replaceAll(path.sep, '/');
  const text = (part) =>
    part
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/&[a-z#\d]+;|\u200b/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim();
  const content = html.slice(html.indexOf('class="vp-doc'));
  const parts = [
    ...content.matchAll(/<h[1-3] id="([^"]+)"[^>]*>([\s\S]*?)<\/h[1-3]>([\s\S]*?)(?=<h[1-3] id=|$)/g),
  ];
  const title = text(parts[0]?.[2] ?? id);
  return parts.map(([, anchor, heading, body]) => ({
    id: `${id}#${anchor}`,
    page: title,
    title: text(heading),
    text: text(body),
  }));
}

function writeSearch(pages) {
  const options = { fields: ['title', 'page', 'text'], storeFields: ['title', 'page', 'text'] };
  const search = new MiniSearch(options);
  const entries = pages.flatMap(sections).map((entry) => ({ ...entry, text: entry.text.slice(0, 4000) }));
  search.addAll(entries);
  const stored = JSON.parse(JSON.stringify(search));
  for (const fields of Object.values(stored.storedFields)) fields.text = fields.text.slice(0, 160);
  const library = readFileSync(
    createRequire(import.meta.url)
      .resolve('minisearch')
      .replace(/cjs\/index\.cjs$/, 'umd/index.js'),
    'utf8',
  );
  const loading = {
    ...options,
    searchOptions: { prefix: true, fuzzy: 0.15, combineWith: 'AND', boost: { title: 4, page: 2 } },
  };
  const open = `globalThis.tablecastSearch = () => MiniSearch.loadJS(${JSON.stringify(stored)}, ${JSON.stringify(loading)});`;
  writeFileSync(path.join(dist, 'search-index.js'), `${library}\n${open}\n`);
}

if (!existsSync(path.join(reference, 'index.html')))
  throw new Error('The reference is missing: npm run docs makes it.');
rmSync(dist, { recursive: true, force: true });
await build(site);
// What only the framework's own script would use.
for (const name of ['404.html', 'hashmap.json', 'package.json']) rmSync(path.join(dist, name));
cpSync(reference, path.join(dist, 'api'), { recursive: true });
cpSync(path.join(site, 'site.js'), path.join(dist, 'site.js'));
writeFileSync(
  path.join(dist, 'index.html'),
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Tablecast</title><meta http-equiv="refresh" content="0; url=docs/README.html"><a href="docs/README.html">Tablecast</a></html>\n',
);
const pages = filesIn(dist, '.html').filter((page) => !page.startsWith(path.join(dist, 'api')));
for (const page of pages) relink(page);
for (const style of filesIn(path.join(dist, 'assets'), '.css'))
  writeFileSync(style, readFileSync(style, 'utf8').replaceAll('url(/assets/', 'url('));
writeSearch(pages.filter((page) => page !== path.join(dist, 'index.html')));

const wrong = [...deadLinks(dist, filesIn(dist, '.html')), ...requestsElsewhere(filesIn(dist, '.html'))];
if (wrong.length > 0) {
  console.error(`The site has links that lead nowhere, or elsewhere:\n${wrong.join('\n')}`);
  process.exitCode = 1;
} else console.log(`${pages.length} pages and the reference of the interface: open site/dist/index.html`);
