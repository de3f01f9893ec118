import type { PeerState, TableNode } from '../../src/index.ts';

/** Ids of the nodes a node is connected with. */
export function connectedWith(node: TableNode): string[] {
  let peers: readonly PeerState[] = [];
  node.peers
    .subscribe((states) => {
      peers = states;
    })
    .unsubscribe();
  const ids = peers.flatMap(({ state, nodeId }) =>
    state === 'connected' && nodeId !== undefined ? [nodeId] : [],
  );
  return [...new Set(ids)];
}
