/**
 * Lists what can happen to a node beside changes to its tables. The codes are stable: programs may compare them. Each
 * has a page, `docs/events/CODE.md` of the package, which `tablecast explain CODE` prints.
 */
export const NODE_EVENT_CODES = [
  'peer-connected',
  'peer-lost',
  'peer-refused',
  'peer-unreachable',
  'node-id-twice',
  'table-refused',
  'table-alone',
  'table-diverged',
  'table-agrees',
  'mode-switched',
  'frame-refused',
  'send-failed',
  'checkpoint-adopted',
  'log-torn',
  'backend-set-aside',
  'backend-failed',
  'backend-recovered',
  'epoch-began',
  'clock-jumped',
  'fork-detected',
  'fork-claimed',
  'operations-refused',
  'operations-taken',
  'access-refused',
  'credentials-reloaded',
  'peer-throttled',
  'notices-left-out',
  'subscribers-many',
  'transport-warning',
  'projection-began',
  'projection-gap',
  'projection-failed',
  'carrier-replaced',
  'carrier-refused',
  'carrier-recovered',
  'carrier-passed-over',
  'carrier-incomplete',
  'zeek-connected',
  'zeek-lost',
  'zeek-found',
  'zeek-refilled',
  'zeek-missed',
  'zeek-caught-up',
  'zeek-diverged',
  'zeek-refused',
  'zeek-problem',
  'zeek-shared',
] as const;

/** Is one of {@link NODE_EVENT_CODES}. */
export type NodeEventCode = (typeof NODE_EVENT_CODES)[number];

/** A node event tells an operator of something; it is never an error notification, so the stream goes on. */
export interface NodeEvent {
  readonly code: NodeEventCode;
  readonly severity: 'info' | 'warning' | 'error';
  /** Says it to people, in one line. */
  readonly message: string;
  readonly table?: string | undefined;
  readonly peer?: string | undefined;
  /** Holds plain values, for programs and logs. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}
