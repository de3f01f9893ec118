/** Compares a row held here with what Zeek says it had. */
import { throughZeek } from '../protocol/data/time-text.ts';
import { writeTagged } from '../protocol/data/tagged.ts';
import type { ZeekData } from '../protocol/data/zeek-data.ts';
import { writeJson } from '../protocol/json/writer.ts';
import { encodeValue } from '../protocol/values/encode.ts';
import type { ZeekTable } from '../protocol/index.ts';

/** `sent`: a value on its way to Zeek; `published`: one that Zeek held and gave back. */
type Direction = 'sent' | 'published';

/** Returns the text that Zeek would publish of a value; members of sets and tables in one order. */
function publishedText(data: ZeekData, direction: Direction): string {
  const text = (item: ZeekData): string => publishedText(item, direction);
  switch (data.type) {
    case 'timestamp':
    case 'timespan': {
      const held = direction === 'sent' ? throughZeek(data.data) : data.data;
      return writeJson(writeTagged({ type: data.type, data: held }, 'zeek'), 'zeek');
    }
    case 'vector':
      return `[${data.data.map(text).join(',')}]`;
    case 'set':
      return `{${data.data.map(text).toSorted().join(',')}}`;
    case 'table': {
      const rows = data.data.map(({ key, value }) => `${text(key)}=${text(value)}`);
      return `{${rows.toSorted().join(',')}}`;
    }
    default:
      return writeJson(writeTagged(data, 'zeek'), 'zeek');
  }
}

/** Returns whether a value held here is the one Zeek published, as far as Zeek's text forms can tell. */
export function isAsPublished(table: ZeekTable, held: unknown, published: ZeekData): boolean {
  if (table.value === undefined) return true;
  try {
    const own = encodeValue(table.value, held, table.name);
    return publishedText(own, 'sent') === publishedText(published, 'published');
  } catch {
    // A row that cannot be sent to Zeek has never been there.
    return false;
  }
}
