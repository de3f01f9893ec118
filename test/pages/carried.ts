/** Events of nodes whose tables a carrier carries. */
import type { NodeEvent } from '../../src/index.ts';
import { MemoryCarrier } from '../../src/carrier/memory-carrier.ts';
import { Cluster } from '../support/cluster.ts';

const TABLE = { key: 'string', value: 'count' } as const;
/** Long enough, in virtual milliseconds, for a node to dial again. */
const AGAIN_MS = 30_000;

/** A carrier of one node, which may refuse what it is given. */
interface Ground {
  readonly cluster: Cluster;
  readonly carrier: MemoryCarrier;
  isFull: boolean;
}

/** Plays with a carrier and a node that has written; gives what the node told. */
export function atCarrier(play: (ground: Ground) => Promise<void>): () => Promise<readonly NodeEvent[]> {
  return async () => {
    const ground: Ground = {
      isFull: false,
      carrier: new MemoryCarrier('memory://sensors', {
        defer: (task) => void ground.cluster.time.schedule(1, task),
        outcome: () => (ground.isFull ? 'full' : 'kept'),
      }),
      get cluster() {
        return cluster;
      },
    };
    const cluster = new Cluster({ size: 1, carrier: { memory: ground.carrier, tailBytes: 4096 } });
    const node = await cluster.start(0);
    node.table('t', TABLE).set('first', 1);
    await cluster.run(1000);
    await play(ground);
    await cluster.run(AGAIN_MS);
    await cluster.close();
    return cluster.member(0).events;
  };
}

/** Somebody deletes all that the carrier keeps. */
export async function remake({ carrier }: Ground): Promise<void> {
  carrier.remake();
}

/** The carrier is full, and has room again. */
export async function fill(ground: Ground): Promise<void> {
  ground.isFull = true;
  ground.cluster.node(0).table('t', TABLE).set('second', 2);
  await ground.cluster.run(1000);
  ground.isFull = false;
}

/** A message of one author stands under the subject of another. */
export async function forge({ carrier }: Ground): Promise<void> {
  const message = carrier.messages.findLast(({ subject }) => subject[0] === 'operations');
  if (message === undefined) throw new Error('nothing was published');
  carrier.add({ ...message, subject: ['operations', 't', 'forged', '1'], after: 0, id: '' });
}

/** Somebody takes the rows of the checkpoint away, and a node comes that has none. */
export async function loseRows({ carrier, cluster }: Ground): Promise<void> {
  for (let index = 0; index < 500; index++) cluster.node(0).table('t', TABLE).set(`k${index}`, index);
  await cluster.run(10_000);
  carrier.blobs.clear();
  await cluster.stop(0);
  (await cluster.start(0)).table('t', TABLE);
}
