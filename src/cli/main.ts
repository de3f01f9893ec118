#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { reportFailure } from './failure.ts';
import { endWithReader } from './output.ts';
import { program } from './program.ts';

/** The sources and the built file lie equally deep. */
const PACKAGE = new URL('../../package.json', import.meta.url);

endWithReader();
// An empty variable is one that is not set, as in `TABLECAST_TOKEN= tablecast run`.
for (const [name, value] of Object.entries(process.env)) {
  if (name.startsWith('TABLECAST_') && value === '') delete process.env[name];
}
const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string };
try {
  await program(version).parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error, process.argv.includes('--json'));
}
