import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { RunningExample } from './run-example.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The program of two processes of README.md, with a port that is free and a directory of this test's. */
async function written(): Promise<string> {
  mkdirSync(path.join(root, 'tmp'), { recursive: true });
  const directory = mkdtempSync(path.join(root, 'tmp/presence-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const [, code = ''] =
    /^```js\n([\s\S]*?)^```$/m.exec(readFileSync(path.join(root, 'README.md'), 'utf8')) ?? [];
  expect(code).toContain('47760');
  expect(code).toContain("'./data'");
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? String(address?.port) : '';
  await once(server.close(), 'close');
  const file = path.join(directory, 'presence.mjs');
  writeFileSync(
    file,
    code.replaceAll('47760', port).replace("'./data'", JSON.stringify(`${directory}/data`)),
  );
  return path.join('..', path.relative(root, file));
}

test('the two processes of README.md see each other come, and go when one is ended', async () => {
  const file = await written();
  const start = (id: string): RunningExample => {
    const example = new RunningExample(file, [id]);
    onTestFinished(() => example.signal('SIGKILL'));
    return example;
  };
  const one = start('one');
  await one.printed(/^new one$/m);
  const two = start('two');
  await Promise.all([one.printed(/^new two$/m), two.printed(/^new one$/m)]);
  two.signal('SIGINT');
  await one.printed(/^peer-lost /m);
  await one.printed(/^expired two$/m);
  one.signal('SIGINT');
  expect((await one.finished).stderr).toBe('');
});
