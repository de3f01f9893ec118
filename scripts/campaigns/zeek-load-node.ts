// The node of zeek-load.ts, in a process of its own so that its processor time and memory are its own.
import { openNode } from '../../src/index.ts';

const [, , west = '', east = '', rows = '0'] = process.argv;
const TABLE = 'Load::rows';
const tables = { [TABLE]: { type: 'table[string] of count' } };
const node = await openNode({ id: 'load' });
const table = node.table(TABLE, { key: 'string', value: 'count' });
for (let at = 0; at < Number(rows); at++) table.set(`kept ${at}`, at);
const attached = [west, east].filter((url) => url !== '');
attached.forEach((url, at) => node.attachZeek({ url, cluster: at === 0 ? 'west' : 'east', tables }));

const told = new Map<string, number>();
node.events.subscribe(({ code }) => told.set(code, (told.get(code) ?? 0) + 1));

function cost(): object {
  const { user, system } = process.cpuUsage();
  const memory = process.memoryUsage();
  const events = Object.fromEntries(told);
  return { cpuMs: (user + system) / 1000, rss: memory.rss, heap: memory.heapUsed, rows: table.size, events };
}

process.on('message', (asked) => {
  if (asked === 'end') void node.close().then(() => process.exit(0));
  else process.send?.(cost());
});
process.send?.('ready');
