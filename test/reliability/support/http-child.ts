import { openNode } from 'tablecast';

/** A node that answers over HTTP and counts up, one durable write after the other, from where it was killed. */
const [directory = ''] = process.argv.slice(2);
const node = await openNode({ id: 'm', directory, http: { port: 0 } });
const table = node.table('counts', { key: 'string', value: 'count', backend: 'sqlite' });
process.stdout.write(`${node.httpAddress}\n`);
for (let next = (table.get('n') ?? 0) + 1; ; next++) {
  table.set('n', next);
  // Some are written ahead of the disk, so that a kill finds them not durable.
  if (next % 5 === 0) await node.flush();
}
