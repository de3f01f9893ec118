import { afterAll, afterEach, expect, test } from 'vitest';
import { openNode } from '../../src/index.ts';
import { newAuthority } from '../transport/websocket/certificates.ts';
import { attachmentTo, cleanUp, later } from './support.ts';

const authority = newAuthority();
afterAll(() => authority.remove());

afterEach(cleanUp);

test.each([
  ['a user name', { url: 'ws://me:secret@127.0.0.1:1' }, /holds a user name/],
  ['a fragment', { url: 'ws://127.0.0.1:1/#a' }, /holds a fragment/],
  ['an empty fragment', { url: 'ws://127.0.0.1:1/#' }, /holds a fragment/],
  ['a query', { url: 'ws://127.0.0.1:1/?token=secret' }, /holds a query/],
  ['certificates without TLS', { url: 'ws://127.0.0.1:1', tls: { ca: authority.ca } }, /without TLS/],
])('%s is refused in words, and nothing is left of the attachment', async (_what, wrong, words) => {
  const options = { ...attachmentTo('ws://127.0.0.1:1'), ...wrong };
  const refused = { code: 'OPTION_INVALID', message: expect.stringMatching(words) as string };
  await expect(openNode({ id: 'a', zeek: options })).rejects.toMatchObject(refused);
  const node = await openNode({ id: 'a' });
  later(() => node.close());
  expect(() => node.attachZeek(options)).toThrow(expect.objectContaining(refused));
  expect([...node.tables.keys()]).toEqual([]);
});

test('more tables than Zeek is asked for are refused in words', async () => {
  const node = await openNode({ id: 'a' });
  later(() => node.close());
  const tables = Object.fromEntries(
    Array.from({ length: 1001 }, (_, at) => [`E2e::t${at}`, { type: 'set[addr]', topic: `/t${at}` }]),
  );
  const options = { ...attachmentTo('ws://127.0.0.1:1'), tables };
  expect(() => node.attachZeek(options)).toThrow(
    expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringMatching(/too many/) as string }),
  );
});
