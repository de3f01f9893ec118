import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

interface Link {
  readonly target: string;
  readonly anchor: string;
  readonly file: string;
}

/** Links and sources of a page that are in the site, with where they lead. */
function* linksOf(page: string, html: string): Generator<Link> {
  for (const [, target = ''] of html.matchAll(/\s(?:href|src)="([^"]*)"/g)) {
    if (/^(?:[a-z]+:|\/\/)/.test(target)) continue;
    const [file = '', anchor = ''] = decodeURI(target.replaceAll('&amp;', '&')).split('#');
    yield {
      target,
      anchor,
      file: file === '' ? page : path.resolve(path.dirname(page), file.split('?')[0] ?? ''),
    };
  }
}

/** Says which links of the pages lead to a file that is not there, to a folder, or to no heading. */
export function deadLinks(dist: string, pages: readonly string[]): readonly string[] {
  const read = new Map(pages.map((page) => [page, readFileSync(page, 'utf8')]));
  const dead: string[] = [];
  for (const [page, html] of read) {
    for (const { target, anchor, file } of linksOf(page, html)) {
      const there = target.startsWith('/') ? undefined : existsSync(file) && statSync(file).isFile();
      const known =
        anchor === '' || !file.endsWith('.html') || (read.get(file)?.includes(`id="${anchor}"`) ?? false);
      if (there !== true || !known) dead.push(`${path.relative(dist, page)}: ${target}`);
    }
  }
  return dead;
}

/** Says what pages would load from another machine by themselves; a link that somebody follows is none of it. */
export function requestsElsewhere(pages: readonly string[]): readonly string[] {
  const elsewhere =
    /<(?:script|img|iframe|source)\b[^>]*\ssrc="(?:[a-z]+:)?\/\/|<link\b[^>]*\shref="(?:[a-z]+:)?\/\//;
  return pages
    .filter((page) => elsewhere.test(readFileSync(page, 'utf8')))
    .map((page) => `${page}: loads from elsewhere`);
}
