// One node of scripts/campaigns/carrier-cluster.ts, which writes without a pause and tells what was confirmed.
import { openNode } from '../../src/index.ts';
import type { Asked, Said } from './carrier-cluster-messages.ts';

const PAUSE_MS = 10;
const names = { key: 'string', value: 'string', mode: 'lww', backend: 'sqlite' } as const;
const counts = { key: 'string', value: 'count', mode: 'lww', backend: 'sqlite' } as const;

const [id = '', directory = '', servers = ''] = process.argv.slice(2);
const node = await openNode({
  id,
  directory,
  nats: { servers: servers.split(','), group: 'cluster', replicas: 3 },
});
const [keys, counted] = [node.table('keys', names), node.table('counted', counts)];
const rest = new AbortController();

function say(said: Said): void {
  process.send?.(said);
}

let carrier = '';
node.peers.subscribe((peers) => {
  carrier = peers.map((peer) => `${peer.state} ${peer.reason ?? ''}`).join();
});

function state(): Said {
  const rows = Array.from(keys, ([key, value]) => `${key} ${value}`).toSorted();
  const ids = [...counted.keys()].toSorted();
  const all = Object.fromEntries(ids.map((one) => [one, counted.get(one) ?? 0]));
  return { type: 'state', rows, counts: all, carrier };
}

process.on('message', (asked: Asked) => {
  if (asked === 'state') say(state());
  if (asked === 'rest') rest.abort();
});
process.on('disconnect', () => process.exit(0));
node.events.subscribe(({ code, message }) => say({ type: 'event', code, message }));
say({ type: 'ready' });
// A name that no life of this node had.
for (let count = 0; !rest.signal.aborted; count++) {
  const key = `${id} ${node.log.position} ${count}`;
  node.batch(() => {
    keys.set(key, 'x'.repeat(100));
    counted.increment(id, 1);
  });
  await node.flush();
  say({ type: 'confirmed', key });
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
