import { readFile, readdir } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress } from 'node:zlib';
import { PACKAGE_ROOT } from './package-root.ts';

const compress = promisify(brotliCompress);

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** In a checkout `npm run build:page` makes it; in the package it is there. */
const BUILT_PAGE = new URL('dist/page/', PACKAGE_ROOT);

/** Nothing inline, nothing from elsewhere, in nobody's frame; and no text becomes code. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  vary: 'accept-encoding',
};

/** Files whose names say their content never change. */
const FOR_EVER = 'public, max-age=31536000, immutable';

interface PageFile {
  readonly path: string;
  readonly bytes: Buffer;
  compressed: Promise<Buffer> | undefined;
}

/** One file of the page, as it is answered. */
export interface PageAnswer {
  readonly headers: Readonly<Record<string, string>>;
  bytes(): Buffer | Promise<Buffer>;
}

/** The page for people, which answers no question itself: its files hold no secret, and are held in memory. */
export class PageFiles {
  readonly #files: ReadonlyMap<string, PageFile>;

  private constructor(files: readonly PageFile[]) {
    this.#files = new Map(files.map((file) => [file.path, file]));
  }

  /** Reads the built page, once; a page without files where there is none. */
  static async read(folder: URL = BUILT_PAGE): Promise<PageFiles> {
    const root = fileURLToPath(folder);
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
    const paths = entries
      .filter((entry) => entry.isFile() && extname(entry.name) in TYPES)
      .map((entry) => `${entry.parentPath}/${entry.name}`);
    const files = paths.map(async (path) => ({
      path: `/${path.slice(root.length).replaceAll('\\', '/').replace(/^\//, '')}`,
      bytes: await readFile(path),
      compressed: undefined,
    }));
    return new PageFiles(await Promise.all(files));
  }

  /** Says that there is a page at all. */
  get isBuilt(): boolean {
    return this.#files.size > 0;
  }

  /** The file at a path, in an encoding that is accepted; undefined where no file of the page is. */
  at(path: string, acceptEncoding = ''): PageAnswer | undefined {
    const file = this.#files.get(path === '/' ? '/index.html' : path);
    if (file === undefined) return undefined;
    const type = TYPES[extname(file.path)] ?? '';
    const cache = file.path.startsWith('/assets/') ? FOR_EVER : 'no-cache';
    const headers = { ...HEADERS, 'content-type': type, 'cache-control': cache };
    if (!/\bbr\b/.test(acceptEncoding)) return { headers, bytes: () => file.bytes };
    return {
      headers: { ...headers, 'content-encoding': 'br' },
      bytes: () => (file.compressed ??= compress(file.bytes)),
    };
  }
}
