import { filter, firstValueFrom } from 'rxjs';
import { afterEach, expect, it, vi } from 'vitest';
import { openNode } from '../../src/index.ts';

const compared = vi.hoisted(() => ({ times: 0 }));
vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>();
  return {
    ...crypto,
    timingSafeEqual: (one: NodeJS.ArrayBufferView, other: NodeJS.ArrayBufferView) => {
      compared.times++;
      return crypto.timingSafeEqual(one, other);
    },
  };
});

const TOKENS = 20;
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

it('a token is compared with every one there is, in constant time, wherever it stands and whether it fits (S21)', async () => {
  const credentials = Array.from({ length: TOKENS }, (_, index) => {
    return { name: `holder ${index}`, token: `token-${index}`, nodes: [`node-${index}`] };
  });
  const hub = await openNode({ id: 'hub', listen: { port: 0 }, auth: { credentials } });
  closing.push(() => hub.close());
  for (const [index, token] of [
    [0, 'token-0'],
    [TOKENS - 1, `token-${TOKENS - 1}`],
    [7, 'token-'],
    [7, 'x'.repeat(1000)],
  ] as const) {
    compared.times = 0;
    const node = await openNode({ id: `node-${index}`, peers: [hub.address as string], auth: { token } });
    closing.push(() => node.close());
    const settled = node.peers.pipe(
      filter(([peer]) => peer?.state === 'connected' || peer?.state === 'refused'),
    );
    const [peer] = await firstValueFrom(settled);
    expect(peer?.state).toBe(token === `token-${index}` ? 'connected' : 'refused');
    // Who was refused may have dialled again before this is looked at.
    expect(compared.times).toBeGreaterThan(0);
    expect(compared.times % TOKENS).toBe(0);
  }
});
