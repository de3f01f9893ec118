import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import type * as core from '../../../src/entries/core.ts';

/** What every page has, and Node.js as well; nothing of Node.js is among it. */
const PLATFORM = [
  'AbortController',
  'AbortSignal',
  'ArrayBuffer',
  'MessageChannel',
  'TextDecoder',
  'TextEncoder',
  'URL',
  'Uint8Array',
  'btoa',
  'clearInterval',
  'clearTimeout',
  'performance',
  'queueMicrotask',
  'setInterval',
  'setTimeout',
] as const;

/** What a bundler for browsers made of an entry. */
export interface Bundle {
  readonly text: string;
  /** Files that are in it, by the bytes that each takes, minified. */
  readonly files: ReadonlyMap<string, number>;
}

/** Bundles an entry as pages have it. Rejects where anything imports what a browser does not have. */
export async function bundleForPage(entry: string, from: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export * from ${JSON.stringify(entry)};`, resolveDir: from },
    bundle: true,
    minify: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'tablecast',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const [output] = Object.values(metafile.outputs);
  const inputs = Object.entries(output?.inputs ?? {}).map(
    ([file, { bytesInOutput }]) => [file, bytesInOutput] as const,
  );
  return { text: outputFiles[0]?.text ?? '', files: new Map(inputs.filter(([, bytes]) => bytes > 0)) };
}

/** Runs a bundle where there is nothing of Node.js, and gives what it exports: it has to be the core. */
export function runInPage({ text }: Bundle, globals: Readonly<Record<string, unknown>> = {}): typeof core {
  const platform = Object.fromEntries(PLATFORM.map((name) => [name, globalThis[name]]));
  const context = createContext({ ...platform, ...globals });
  runInContext(text, context);
  return runInContext('tablecast', context) as typeof core;
}
