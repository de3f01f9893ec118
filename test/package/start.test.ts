import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const root = new URL('../..', import.meta.url);

/** What a process has loaded when it has opened a node on its own, listening nowhere. */
const PROGRAM = `
  import { createRequire } from 'node:module';
  const { openNode } = await import('./src/index.ts');
  const node = await openNode({ id: 'alone' });
  const files = Object.keys(createRequire(import.meta.url).cache);
  const builtins = process.moduleLoadList.map((name) => name.replace('NativeModule ', ''));
  await node.close();
  console.log(JSON.stringify({ files, builtins }));
`;

test('a node that neither listens nor dials loads nothing that speaks HTTP, TLS or WebSocket, nor all of RxJS', async () => {
  const args = ['--import', './scripts/typescript.mjs', '--input-type=module', '--eval', PROGRAM];
  const { stdout } = await run(process.execPath, args, { cwd: root });
  const { files, builtins } = JSON.parse(stdout) as { files: string[]; builtins: string[] };
  expect(files.filter((file) => file.includes('/rxjs/')).length).toBeLessThan(40);
  expect(files.filter((file) => /\/node_modules\/(ws|commander)\//.test(file))).toEqual([]);
  expect(builtins.filter((name) => ['http', 'https', 'tls', '_tls_wrap'].includes(name))).toEqual([]);
});
