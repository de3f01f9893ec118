import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rooms } from './rooms.list.ts';
import { importTable, lintRules, replaceTable } from './rooms.ts';

// Run with `npm run rooms`, after a change of rooms.list.ts.
const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const page = at('docs/architecture.md');

writeFileSync(at('oxlint.rooms.json'), lintRules(rooms));
writeFileSync(page, replaceTable(readFileSync(page, 'utf8'), importTable(rooms)));
