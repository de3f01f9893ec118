// Preload: a program that imports the library by name gets it built, as one that installed the package does. What it
// imports of the sources by path stays a source.
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const BUILT = process.env['TABLECAST_BUILT_LIBRARY'];
const SOURCES = new URL('../../src/', import.meta.url).href;
const ENTRIES = new Map([
  [`${SOURCES}index.ts`, 'index.js'],
  [`${SOURCES}simulation/index.ts`, 'simulation.js'],
  [`${SOURCES}testing/index.ts`, 'testing.js'],
]);

export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  const entry = ENTRIES.get(found.url.replace(/\?.*$/, ''));
  return entry === undefined ? found : { ...found, url: new URL(entry, BUILT).href, format: 'module' };
}

// This file is loaded once more where the functions run that resolve names.
if (isMainThread && BUILT !== undefined) register(import.meta.url);
