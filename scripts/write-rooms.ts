import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { lintRules, roomsOf } from './rooms.ts';

// Run with `npm run rooms`, after a change of the table of folders in docs/architecture.md.
const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

writeFileSync(at('oxlint.rooms.json'), lintRules(roomsOf(readFileSync(at('docs/architecture.md'), 'utf8'))));
