import { openNode } from '../../../src/node/open-node.ts';

/**
 * A node that holds what its peer writes, until it is killed or its input ends. Arguments: id, address of the peer, and
 * a directory, or nothing for one that has only memory. Prints the number of rows it finds at its start.
 */
const [id = '', peer = '', directory] = process.argv.slice(2);
const node = await openNode({
  id,
  peers: [peer],
  directory,
  auth: { dialToken: `token-of-${id}-0123456789` },
});
const backend = directory === undefined ? 'memory' : 'sqlite';
const table = node.table('t', { key: 'string', value: 'count', backend });
process.stdout.write(`${table.size}\n`);
process.stdin.on('end', () => void node.close()).resume();
