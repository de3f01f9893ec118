import { stampToMs } from '../../log/operations/hybrid-clock.ts';
import {
  type Answer,
  type Asked,
  type Handlers,
  json,
  pageFacts,
  pageOf,
  tableOf,
  wholeIn,
  wordIn,
} from '../asked.ts';
import { keyForm } from '../forms.ts';
import type { HostedTable, HttpHost } from '../host.ts';
import { MAX_SEARCH } from '../limits.ts';
import type { Listing, Listings, SortBy, Wanted } from '../listing/listings.ts';
import { invalidRequest } from '../problem.ts';
import { idText } from '../streams/change-events.ts';
import { within } from '../within.ts';
import { valueForm } from './rows.ts';

/** So long a list of rows waits for the disk that is to keep them, in milliseconds. */
const DURABLE_MS = 2000;
const SORTS = ['key', '-key', 'value', '-value', 'time', '-time', 'origin', '-origin'] as const;

/** The route that lists rows page by page, as of one position. */
export function listingRoutes(host: HttpHost, listings: Listings): Handlers {
  return { listRows: (asked) => listRows(host, listings, asked) };
}

async function listRows(host: HttpHost, listings: Listings, asked: Asked): Promise<Answer> {
  const hosted = tableOf(host, asked);
  const { after, limit } = pageOf(asked.query);
  const wanted = wantedIn(asked);
  const position = wholeIn(asked.query, 'position');
  const listing =
    position === undefined
      ? await listings.open(hosted, wanted)
      : await listings.again(hosted, wanted, position);
  const rows = Array.from(listing.order.subarray(after, after + limit), (row) =>
    rowForm(host, hosted, { listing, row }),
  );
  const at = listing.snapshot.position;
  const facts = pageFacts(asked, listing.order.length, { position: String(at) });
  const id = await idBehind(host, { table: hosted.table.name, position: at });
  return json({ position: at, ...(id !== undefined && { id }), rows, ...facts });
}

/**
 * The id behind which the changes of a table follow its rows as of a position. It is told once all of them are durable
 * here: what a killed node forgets has its position given to something else. None while the disk takes nothing.
 */
async function idBehind(
  host: HttpHost,
  { table, position }: { readonly table: string; readonly position: number },
): Promise<string | undefined> {
  if (!(await within(DURABLE_MS, host.flush([table])))) return undefined;
  return idText(Math.min(position, host.told(table)), host.life);
}

function wantedIn({ query }: Asked): Wanted {
  const sort = wordIn(query, 'sort', SORTS);
  return {
    prefix: textIn(query, 'prefix'),
    search: textIn(query, 'search'),
    sort: sort?.replace('-', '') as SortBy | undefined,
    descending: sort?.startsWith('-') === true,
  };
}

function textIn(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (text.length <= MAX_SEARCH) return text;
  throw invalidRequest(`${name} has ${text.length} characters.`, `Give ${MAX_SEARCH} at most.`);
}

function rowForm(
  host: HttpHost,
  { projection }: HostedTable,
  { listing, row }: { readonly listing: Listing; readonly row: number },
): object {
  const { snapshot } = listing;
  const { schema } = projection;
  return {
    key: keyForm(schema, snapshot.key(row)),
    ...valueForm(schema, snapshot.value(row)),
    origin: host.originText(snapshot.origin(row)),
    sequence: snapshot.sequence(row),
    time: stampToMs(snapshot.stamp(row)),
  };
}
