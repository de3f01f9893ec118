import { expect, it } from 'vitest';
import { openNode } from '../../src/index.ts';

const nats = { servers: 'nats://127.0.0.1:1', group: 'g' };

it.each([
  [{ password: 'secret' }, 'nats.password', 'there is no user'],
  [{ user: 'a', password: 'b', token: 'c' }, 'nats.user', 'there is token as well'],
  [{ token: 'c', credentials: 'd' }, 'nats.token', 'there is credentials as well'],
  [{ credentials: 'd' }, 'nats.credentials', 'it has no JWT and no seed'],
])('an option that needs or excludes another is refused at once: %j', async (given, option, words) => {
  await expect(openNode({ id: 'a', nats: { ...nats, ...given } })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: expect.stringContaining(words),
    details: { option },
  });
});
