import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Reply } from '../../src/backends/sqlite/messages.ts';
import { type CommitsRequest, packCommits } from '../../src/backends/sqlite/packed-commits.ts';
import { Rounds } from '../../src/backends/sqlite/rounds.ts';
import { temporaryDirectory } from './support/places.ts';

function request(generation: number, position: number, size: number): CommitsRequest {
  const commit = { segments: [{ position, span: 1, bytes: new Uint8Array(size) }] };
  return packCommits([commit], generation);
}

it('takes nothing of a rejected generation, though it would fit, until the caller has heard and starts the next', () => {
  const directory = temporaryDirectory();
  const replies: Reply[] = [];
  const said = () => replies.splice(0).map((reply) => reply.kind);
  const rounds = new Rounds(
    {
      file: join(directory.path, 'node.db'),
      durability: 'commit',
      owner: 'test',
      intervalMs: 100,
      failureMode: 'refuse',
      blockBytes: 512 * 1024,
      maxFileBytes: 100_000,
    },
    (reply) => replies.push(reply),
  );
  const handle = (...requests: CommitsRequest[]) => {
    for (const one of requests) rounds.push(one);
    while (rounds.run());
    return said();
  };
  try {
    expect(said()).toEqual(['opened']);
    expect(handle(request(0, 1, 10))).toEqual(['committed']);
    expect(handle(request(0, 2, 200_000))).toEqual(['rejected']);
    expect(handle(request(0, 3, 10), request(0, 4, 10))).toEqual([]);
    expect(handle(request(0, 5, 10), request(1, 2, 10))).toEqual(['committed']);
    rounds.push({ kind: 'close' });
    rounds.run();
    expect(said()).toEqual(['closed']);
  } finally {
    directory.remove();
  }
});
