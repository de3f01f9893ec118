import { describe, expect, it } from 'vitest';
import { memoryBackend } from '../../src/backends/memory.ts';
import { backendContract } from '../contracts/backend.contract.ts';

backendContract('memory', { durable: false }, async () => ({
  backend: memoryBackend(),
  reopen: () => memoryBackend(),
  remove: async () => undefined,
}));

describe('memoryBackend', () => {
  it('trims the oldest segments when more bytes are kept than allowed, and says so on read', async () => {
    const backend = memoryBackend({ maxBytes: 10_000 });
    await backend.open();
    for (let position = 1; position <= 5000; position += 1) {
      await backend.commit({ segments: [{ position, span: 1, bytes: new Uint8Array(744) }] });
    }
    await expect(backend.read(0, 1)).rejects.toMatchObject({
      code: 'LOG_TRIMMED',
      details: { trimmedTo: 4990 },
    });
    const kept = await backend.read(4990, 1e9);
    expect(kept.map((segment) => segment.position)).toEqual(
      Array.from({ length: 10 }, (_, index) => 4991 + index),
    );
  });

  it('keeps the newest segment however large it is', async () => {
    const backend = memoryBackend({ maxBytes: 1 });
    await backend.open();
    await backend.commit({ segments: [{ position: 1, span: 1, bytes: new Uint8Array(100) }] });
    expect((await backend.read(0, 1)).length).toBe(1);
  });

  it('refuses a bound that is none', () => {
    expect(() => memoryBackend({ maxBytes: 0 })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  });
});
