import { spansOf } from '../observability/tracing.ts';
import { systemEnvironment } from '../system-environment.ts';
import { openLocalNode } from './local-node.ts';
import { carriedOutside, nodeOutside } from './node-outside.ts';
import type { NodeParts } from './node-parts.ts';
import type { NodeOptions } from './options.ts';
import type { TableNode } from './table-node.ts';

/**
 * Opens a node: recovers what is on disk, then listens and dials. Throws `OPTION_INVALID`, one of the
 * `BACKEND_…` errors when the database cannot be used, or `LISTEN_FAILED`.
 */
export async function openNode(options: NodeOptions): Promise<TableNode> {
  return openNodeOf(options, {});
}

/** As {@link openNode}, of given parts: for simulation and tests. */
export async function openNodeOf(options: NodeOptions, parts: NodeParts): Promise<TableNode> {
  const asked =
    (options as Partial<NodeOptions> | undefined)?.nats !== undefined && parts.carried === undefined;
  const outside = asked ? await carriedOutside() : nodeOutside;
  return openLocalNode(options, tracedParts(options, parts), outside);
}

/** The parts of a node that is traced: its environment begins spans. What is no options is refused behind it. */
function tracedParts(options: Partial<NodeOptions> | undefined, parts: NodeParts): NodeParts {
  const { tracing, id = '' } = options ?? {};
  if (tracing === undefined) return parts;
  const environment = { ...(parts.environment ?? systemEnvironment), span: spansOf(tracing, id) };
  return { ...parts, environment };
}
