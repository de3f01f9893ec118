/** Compares a row held here with what Zeek says it had. */
import { throughZeek } from '../transport/zeek/data/time-text.ts';
import { writeTagged } from '../transport/zeek/data/tagged.ts';
import type { ZeekData } from '../transport/zeek/data/zeek-data.ts';
import { writeJson } from '../transport/zeek/json/writer.ts';
import { encodeValue } from '../transport/zeek/values/encode.ts';
import type { ZeekTable } from '../transport/zeek/index.ts';

/** The text that Zeek would publish of a value it holds; members of sets and tables in one order. */
function publishedText(data: ZeekData): string {
  switch (data.type) {
    case 'timestamp':
    case 'timespan':
      return writeJson(writeTagged({ type: data.type, data: throughZeek(data.data) }, 'zeek'), 'zeek');
    case 'vector':
      return `[${data.data.map(publishedText).join(',')}]`;
    case 'set':
      return `{${data.data.map(publishedText).toSorted().join(',')}}`;
    case 'table': {
      const rows = data.data.map(({ key, value }) => `${publishedText(key)}=${publishedText(value)}`);
      return `{${rows.toSorted().join(',')}}`;
    }
    default:
      return writeJson(writeTagged(data, 'zeek'), 'zeek');
  }
}

/** Whether a value held here is the one Zeek published, as far as Zeek's text forms can tell. */
export function isAsPublished(table: ZeekTable, held: unknown, published: ZeekData): boolean {
  if (table.value === undefined) return true;
  try {
    const own = publishedText(encodeValue(table.value, held, table.name));
    return own === publishedText(published) || own === untouched(published);
  } catch {
    // What cannot be sent to Zeek has never been there.
    return false;
  }
}

/** The text of what Zeek published, which has been through Zeek already. */
function untouched(data: ZeekData): string {
  return data.type === 'timestamp' || data.type === 'timespan'
    ? writeJson(writeTagged(data, 'zeek'), 'zeek')
    : publishedText(data);
}
