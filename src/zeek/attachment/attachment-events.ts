import type { NodeEvent } from '../../events.ts';
import { TablecastError } from '../../errors.ts';
import type { FoundExpiry } from './described.ts';
import type { ZeekEndpoint } from '../protocol/index.ts';

/** Zeek answered, and the tables are attached. */
export function zeekConnected(url: string, { endpoint, version }: ZeekEndpoint): NodeEvent {
  return {
    code: 'zeek-connected',
    severity: 'info',
    message: `Connected with Zeek ${version} at ${url}.`,
    details: { endpoint, version },
  };
}

/** The connection broke, or cannot be made. */
export function zeekLost(url: string, reason: string, hint: string | undefined): NodeEvent {
  return {
    code: 'zeek-lost',
    severity: 'warning',
    message: `No connection with Zeek at ${url}: ${reason}`,
    details: { hint },
  };
}

/** Every row of a table was sent; `announced` when one node of Zeek's asked for them. */
export function zeekRefilled(
  table: string,
  { rows, topic, announced }: { readonly rows: number; readonly topic: string; readonly announced: boolean },
): NodeEvent {
  const whom = announced ? 'a Zeek node that started' : 'the Zeek cluster';
  return {
    code: 'zeek-refilled',
    severity: 'info',
    message: `Sent ${rows} rows of ${table} to ${whom}.`,
    table,
    details: { rows, topic },
  };
}

/** Says after how long rows of a table go, as it was found. */
function clockWords(expiry: FoundExpiry | undefined): string {
  return expiry === undefined ? '' : `, ${expiry.kind}Expire ${expiry.ms} ms`;
}

/** A table that Zeek told of is attached from now on. */
export function zeekFound(
  table: string,
  { words, expiry }: { readonly words: string; readonly expiry: FoundExpiry | undefined },
): NodeEvent {
  const message = `Zeek has ${table}, a ${words}${clockWords(expiry)}: it is attached.`;
  return { code: 'zeek-found', severity: 'info', message, table, details: { type: words, expiry } };
}

/** Zeek's script was changed, and this node goes on with the type that it says now. */
export function zeekChanged(
  table: string,
  {
    was,
    is,
    expiry,
  }: { readonly was: string; readonly is: string; readonly expiry: FoundExpiry | undefined },
): NodeEvent {
  const message = `${table} was ${was} at Zeek, and is ${is}${clockWords(expiry)} now: rows that do not fit are not sent. A clock is taken when this node starts again.`;
  return { code: 'zeek-found', severity: 'warning', message, table, details: { was, is, expiry } };
}

/** Another node is attached to the same cluster, and neither names it. */
export function zeekShared(nodeId: string): NodeEvent {
  const message = `${nodeId} is attached to the same Zeek cluster: give both attachments one \`cluster\` name, or the cluster's own changes come back to it.`;
  return { code: 'zeek-shared', severity: 'warning', message, details: { nodeId } };
}

/** A table is asked for that is not attached. */
export function notAttached(table: string): TablecastError {
  return new TablecastError('OPTION_INVALID', `The table ${table} is not attached to Zeek.`, {
    hint: 'Name one of the `tables` of the attachment.',
  });
}

/** Changes wait for Zeek, so that nothing can be compared. */
export function takesNothing(): TablecastError {
  return new TablecastError('PEER_UNREACHABLE', 'Zeek takes nothing at present, changes wait for it.', {
    hint: 'Ask again later.',
    retryable: true,
  });
}
