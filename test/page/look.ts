import type { PeerStatus, TableStatus } from '../../page/src/api/types.ts';
import type { Look } from '../../page/src/model/look.ts';

/** A node with which nothing is wrong. */
export function lookOf(parts: Partial<Look> = {}): Look {
  return {
    node: {
      id: 'one',
      version: '0.2.0',
      life: '1',
      phase: 'open',
      time: 10_000,
      position: 7,
      address: null,
      you: { holder: null, readsAll: true, writesAll: true },
      ready: { ready: true, reasons: [] },
      disk: null,
      retention: {},
      zeek: [],
    },
    tables: [],
    peers: [],
    metrics: [],
    ...parts,
  };
}

/** A table with which nothing is wrong. */
export function tableOf(parts: Partial<TableStatus> = {}): TableStatus {
  return {
    name: 'hosts',
    kind: 'map',
    declaration: { key: 'addr', value: 'count', backend: 'memory', mode: 'naive' },
    mode: 'naive',
    rows: 3,
    synced: true,
    divergedKeys: 0,
    differing: [],
    operations: { local: 3, remote: 0 },
    mayWrite: true,
    ...parts,
  };
}

/** A peer with which nothing is wrong. */
export function peerOf(parts: Partial<PeerStatus> = {}): PeerStatus {
  return {
    nodeId: 'two',
    address: 'ws://127.0.0.1:1',
    direction: 'dialled',
    state: 'connected',
    since: 4000,
    reason: null,
    sentOperations: 0,
    receivedOperations: 0,
    lagOperations: 0,
    durableOperations: null,
    roundTripMs: 1,
    clockOffsetMs: 0,
    rights: null,
    tables: [],
    heldBack: [],
    ...parts,
  };
}
