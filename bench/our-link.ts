import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { firstValueFrom, filter } from 'rxjs';
import { compileEarly } from '../src/cli/early-compilation.ts';
import type { Link } from './link-types.ts';
import { declare, product } from './product.ts';

/** How our ends keep their rows. */
export interface OurLinkOptions {
  readonly backend: 'memory' | 'sqlite';
  readonly durability?: 'commit' | 'interval' | undefined;
  readonly mode?: string | undefined;
  /** Over a Unix domain socket instead of a port of loopback. */
  readonly local?: boolean | undefined;
  /** With the code compiled as `tablecast run` has it compiled. */
  readonly early?: boolean | undefined;
}

/** Two nodes over WebSocket, on a port or a socket of the file system; every write a single set(). */
export function ourLink({ backend, durability = 'interval', mode, local, early }: OurLinkOptions): Link {
  return {
    prepare: product,
    async writer({ directory }) {
      const { openNode } = await product();
      if (early === true) compileEarly();
      mkdirSync(directory, { recursive: true });
      const place = local === true ? { socket: join(directory, 'writer.sock') } : { listen: { port: 0 } };
      const node = await openNode({ id: 'writer', directory, durability, ...place });
      const table = declare(node, 'numbers', { backend, mode });
      return {
        address: node.address as string,
        set: (key, value) => {
          table.set(key, value);
        },
        close: () => node.close(),
      };
    },
    async reader({ directory }, address, told) {
      const { openNode } = await product();
      if (early === true) compileEarly();
      mkdirSync(directory, { recursive: true });
      const node = await openNode({ id: 'reader', directory, durability, peers: [address] });
      const table = declare(node, 'numbers', { backend, mode });
      table.changes.subscribe((change) => told(change.key, change.value as number));
      await firstValueFrom(node.peers.pipe(filter(([peer]) => peer?.state === 'connected')));
      return { close: () => node.close() };
    },
  };
}
