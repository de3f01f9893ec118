// Writes to several tables as one unit: all of them on disk and at every peer, or none.
// Run it: node --import ./scripts/typescript.mjs examples/batch.ts
import assert from 'node:assert/strict';
import { openNode } from 'tablecast';

const node = await openNode({ id: 'store' });
const stock = node.table('stock', { key: 'string', value: 'int', backend: 'memory' });
const orders = node.table('orders', { key: 'count', value: 'string', backend: 'memory' });
stock.set('cable', 3);

function order(number: number, article: string, pieces: number): void {
  node.batch(() => {
    orders.set(number, `${pieces} × ${article}`);
    if (stock.increment(article, -pieces) < 0) throw new Error(`not enough: ${article}`);
  });
}

order(1, 'cable', 2);
assert.throws(() => order(2, 'cable', 2), /not enough/); // nothing of it happened
console.log('stock', [...stock], 'orders', [...orders]);
assert.deepEqual([...stock], [['cable', 1]]);
assert.deepEqual([...orders], [[1, '2 × cable']]);
assert.equal(node.log.position, 3);
await node.close();
