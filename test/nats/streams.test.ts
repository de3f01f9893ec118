import type { StreamConfig } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { natsCarrier } from '../../src/nats/nats-carrier.ts';
import { namesOfGroup } from '../../src/nats/names.ts';
import { asOperator } from './operator.ts';
import { NatsServer, missing } from './server.ts';

describe.skipIf(missing !== undefined)('the streams of a group', () => {
  let server: NatsServer;
  let count = 0;
  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** Opens a group whose streams an operator made, one of them otherwise than a node does. */
  async function opened(which: 'stream' | 'rows', changed: Partial<StreamConfig>): Promise<void> {
    const group = `g${++count}`;
    const names = namesOfGroup(group);
    const made = {
      name: names[which],
      subjects: [`${which === 'rows' ? names.rowsPrefix : names.prefix}.>`],
      discard: 'new',
      ...changed,
    } as Partial<StreamConfig> & { name: string };
    await asOperator(server, async ({ streams }) => streams.add(made));
    const carrier = natsCarrier({ servers: server.url, group });
    const link = await carrier.open(new AbortController().signal);
    link.close();
    await carrier.close();
  }

  it.each(['stream', 'rows'] as const)('may be made by an operator: %s', async (which) => {
    await opened(which, {});
  });

  const faults: readonly [string, Partial<StreamConfig>][] = [
    ['discard is old, and must be new', { discard: 'old' }],
    ['retention is interest, and must be limits', { retention: 'interest' }],
    ['max_age is 60000000000, and must be 0', { max_age: 60_000_000_000 }],
    ['max_msgs_per_subject is 5, and must be 0', { max_msgs_per_subject: 5 }],
    ['deny_purge is true, and must be false', { deny_purge: true }],
  ];
  it.each(faults)('%s, says the error, of either stream', async (words, config) => {
    for (const which of ['stream', 'rows'] as const)
      await expect(opened(which, config)).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: expect.stringMatching(
          new RegExp(`^Stream TABLECAST_g\\d+${which === 'rows' ? '_ROWS' : ''} .*${words}`),
        ),
      });
  });

  it('have subjects of their own, and the error names them', async () => {
    for (const which of ['stream', 'rows'] as const)
      await expect(opened(which, { subjects: [`elsewhere-${which}`] })).rejects.toThrow(
        /subjects is elsewhere-\w+, and must be tablecast(-rows)?\.g\d+\.>/,
      );
  });

  it('are both bounded by maxBytes', async () => {
    const carrier = natsCarrier({ servers: server.url, group: 'small', maxBytes: 1024 * 1024 });
    (await carrier.open(new AbortController().signal)).close();
    await carrier.close();
    const { stream, rows } = namesOfGroup('small');
    const bounds = await asOperator(server, ({ streams }) =>
      Promise.all([stream, rows].map(async (name) => (await streams.info(name)).config.max_bytes)),
    );
    expect(bounds).toEqual([1024 * 1024, 1024 * 1024]);
  });
});
