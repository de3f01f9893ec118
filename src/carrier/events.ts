import type { NodeEvent } from '../events.ts';
import type { CarrierLink } from './carrier.ts';
import type { Author } from './subjects.ts';

/** Makes the event that a carrier takes nothing. */
export function stalled(link: CarrierLink, error: unknown): NodeEvent {
  const why = error instanceof Error ? error.message : String(error);
  return {
    code: 'carrier-refused',
    severity: 'error',
    message: `${why} What is written stays in the log, and is published once it is taken.`,
    details: { carrier: link.identity },
  };
}

/** Makes the event that it takes messages again. */
export function recovered(): NodeEvent {
  return { code: 'carrier-recovered', severity: 'info', message: 'The carrier takes messages again.' };
}

/** Makes the event that a message is passed over. */
export function strange(subject: string, why: string): NodeEvent {
  return {
    code: 'carrier-passed-over',
    severity: 'warning',
    message: `A message under ${subject} is passed over: ${why}. Look who else publishes there.`,
    details: { subject },
  };
}

/** Makes the event that this node may not ask those behind a carrier, or not hear them. */
export function notHeard(link: CarrierLink, error: unknown): NodeEvent {
  const why = error instanceof Error ? error.message : String(error);
  return {
    code: 'carrier-refused',
    severity: 'warning',
    message: `${why} Differences from nodes of the group are not found by this node until it may, and is connected anew. Its tables are carried as before.`,
    details: { carrier: link.identity },
  };
}

/** Makes the event that rows of a checkpoint are gone. */
export function rowsLost(table: string): NodeEvent {
  return {
    code: 'carrier-incomplete',
    severity: 'warning',
    message: `The rows of the checkpoint of ${table} are not all there: who has what it stood for publishes that again.`,
    details: { table },
  };
}

/** Makes the event that an author did not end what it began. */
export function unfinished({ table, origin }: Author): NodeEvent {
  return {
    code: 'carrier-incomplete',
    severity: 'warning',
    message: `${origin} began to publish a batch or a long write with ${table}, and did not end it: it is held back until that node comes back.`,
    details: { table, origin },
  };
}

/** Makes the event that the carrier lacks operations of an author and has later ones. */
export function missing({ table, origin, held }: Author & { readonly held: number }): NodeEvent {
  return {
    code: 'carrier-incomplete',
    severity: 'warning',
    message: `Operations of ${origin} on ${table} from ${held + 1} on are missing in the carrier, and later ones are there: who has them publishes them again.`,
    details: { table, origin },
  };
}

/** Makes the event that a table is not shared, because nobody said in the carrier how it is declared. */
export function undeclared(link: CarrierLink, table: string, error: unknown): NodeEvent {
  const why = error instanceof Error ? error.message : String(error);
  return {
    code: 'carrier-refused',
    severity: 'error',
    message: `${why} Table ${table} is not shared there until a node declares it that may.`,
    details: { carrier: link.identity, table },
  };
}
