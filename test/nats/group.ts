import { type NodeEvent, type NodeOptions, type TableNode, openNode } from '../../src/index.ts';
import type { NatsServer } from './server.ts';

export const declaration = { key: 'string', value: 'string', mode: 'lww' } as const;

/** Nodes of one group at one server, closed at the end. */
export class Group {
  readonly nodes: TableNode[] = [];
  readonly events: NodeEvent[] = [];
  readonly #server: NatsServer;

  constructor(server: NatsServer) {
    this.#server = server;
  }

  async open(id: string, options: Omit<NodeOptions, 'id'> = {}): Promise<TableNode> {
    const node = await openNode({ id, nats: { servers: this.#server.url, group: 'g' }, ...options });
    node.events.subscribe((event) => this.events.push(event));
    this.nodes.push(node);
    return node;
  }

  /** Resolves once an event of a code was told, from now on or before. */
  async told(code: string): Promise<NodeEvent> {
    return until(this.nodes, () => this.events.find((event) => event.code === code));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
  }
}

/** Resolves with what `look` finds; it looks after each change and event of the nodes. */
export async function until<T>(nodes: readonly TableNode[], look: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await new Promise<void>((resolve) => {
      const heard = nodes.flatMap((node) => [
        node.events.subscribe(done),
        ...Array.from(node.tables.values(), (table) => table.changes.subscribe(done)),
      ]);
      function done(): void {
        for (const subscription of heard) subscription.unsubscribe();
        resolve();
      }
    });
  }
}
