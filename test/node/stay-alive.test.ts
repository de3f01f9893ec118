import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a program against the sources; resolves with its exit code, or with 'alive' once it prints that it waits. */
async function run(program: string): Promise<number | 'alive'> {
  const child = spawn(
    process.execPath,
    ['--import', './scripts/typescript.mjs', '--input-type=module', '--eval', program],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'exit').then(([code]) => code as number);
  let printed = '';
  const waits = new Promise<'alive'>((resolve) => {
    child.stdout.on('data', (data: Buffer) => {
      printed += data.toString();
      if (printed.includes('again')) resolve('alive');
    });
  });
  const outcome = await Promise.race([ended, waits]);
  child.kill('SIGKILL');
  await ended;
  return outcome;
}

const open = `
  import { openNode } from './src/index.ts';
  const node = await openNode({ id: 'dials', peers: ['ws://127.0.0.1:9'] });
`;

describe('a node that only dials', () => {
  it('keeps its process alive while its peer is away, and tries again', async () => {
    const twice = `${open}
      let waited = 0;
      node.peers.subscribe(([peer]) => {
        if (peer?.state === 'waiting' && ++waited === 2) console.log('again');
      });`;
    expect(await run(twice)).toBe('alive');
  });

  it('lets the process end once it is closed', async () => {
    expect(await run(`${open} await node.close();`)).toBe(0);
  });
});
