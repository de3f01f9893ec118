import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { CommitsRequest, Reply } from '../../src/backends/sqlite/messages.ts';
import { Rounds } from '../../src/backends/sqlite/rounds.ts';
import { temporaryDirectory } from './support/places.ts';

function request(generation: number, position: number, size: number): CommitsRequest {
  const segments = [{ position, span: 1, start: 0, end: size }];
  return {
    kind: 'commits',
    generation,
    commits: [{ segments, facts: undefined }],
    bytes: new Uint8Array(size),
  };
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
