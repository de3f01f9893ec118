import type { AttachedTable } from './attached-table.ts';
import { lossOf } from '../protocol/index.ts';

/** Is where every Zeek node subscribes to what begins so. */
export const SHARED_TOPICS = 'zeek/table/';

/**
 * Says why what one Zeek process holds of a table does not tell what the cluster changed; undefined if it
 * does. `topics`: further prefixes of the attachment, for tables whose topic is a function.
 */
export function obstacleOf({ name, zeek }: AttachedTable, topics: readonly string[]): string | undefined {
  const own = [zeek.topic, ...topics].find((topic) => !topic.startsWith(SHARED_TOPICS));
  if (own !== undefined) return `${name}: only some Zeek nodes hear the topic ${own.slice(0, 80)}.`;
  const kinds = new Set(zeek.index.map(({ kind }) => kind));
  const isLossy = kinds.has('pattern') || lossOf(zeek).some((loss) => loss.startsWith('key'));
  return isLossy ? `${name}: the text of its keys loses part of them.` : undefined;
}
