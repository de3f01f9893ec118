import { Subject } from 'rxjs';
import type { NodeEvent } from '../../src/events.ts';
import type { ObservedDisk, ObservedNode } from '../../src/observability/observed-node.ts';

/** A node as an operator sees it, of which a test decides what it says. */
export function observedNode(
  change: Partial<ObservedNode> = {},
): ObservedNode & { events: Subject<NodeEvent> } {
  const disk: ObservedDisk = {
    file: '/nowhere/a.tablecast.db',
    appended: 12,
    committed: 12,
    trimmedTo: 0,
    waitingBytes: 0,
    failure: undefined,
    tornSegments: 0,
  };
  return {
    id: 'a',
    phase: 'open',
    recoverySeconds: 0.5,
    position: 12,
    tables: () => [],
    peers: () => [],
    dials: () => [],
    refusedConnections: () => new Map(),
    disk: () => disk,
    probe: () => Promise.resolve(),
    ...change,
    events: new Subject<NodeEvent>(),
  };
}
