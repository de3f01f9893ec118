import type { Message } from '../wire/wire.ts';

/** A cost is what a message costs its sender, before anything is known of it but its kind and its length. */
export interface MessageCost {
  /** Units of work for its kind, as those of `work/slices.ts`: what is counted on the way comes on top. */
  readonly units: number;
  /** Counts the bytes that are read, checked and converted in one unit. */
  readonly bytesPerUnit: number;
  /**
   * Says what makes it cost more than that. `lives`, `rows`: as many units as this node holds of the table,
   * charged when they are looked through, or done in slices. `operations`: as many as it brings. `nothing`:
   * it is over when handled.
   */
  readonly counts: 'nothing' | 'operations' | 'lives' | 'rows';
  /** Says what is kept of it for as long as the session lasts, in an account with a limit. */
  readonly keeps: 'nothing' | 'announcement' | 'checkpoint' | 'answer';
  /** Says whether something is sent because of it; the bytes are charged to who sent it. */
  readonly answered: boolean;
}

const cost = (
  units: number,
  bytesPerUnit: number,
  counts: MessageCost['counts'] = 'nothing',
  more: Partial<Pick<MessageCost, 'keeps' | 'answered'>> = {},
): MessageCost => ({ units, bytesPerUnit, counts, keeps: 'nothing', answered: false, ...more });

/** Every kind of message there is; one that is not in here cannot be handled. */
export const MESSAGE_COSTS: Readonly<Record<Message['type'], MessageCost>> = {
  hello: cost(256, 64, 'lives', { keeps: 'announcement', answered: true }),
  tables: cost(32, 64, 'lives', { keeps: 'announcement', answered: true }),
  runs: cost(16, 128, 'operations', { answered: true }),
  checkpoint: cost(8, 512, 'rows', { keeps: 'checkpoint' }),
  ack: cost(8, 64),
  sources: cost(32, 64, 'lives', { keeps: 'announcement', answered: true }),
  level: cost(16, 64),
  ping: cost(8, 64, 'nothing', { answered: true }),
  pong: cost(8, 64),
  digest: cost(64, 64, 'rows', { answered: true }),
  ask: cost(256, 64, 'rows', { answered: true }),
  sums: cost(64, 64, 'rows', { answered: true }),
  rows: cost(16, 256, 'rows', { keeps: 'answer', answered: true }),
  request: cost(256, 64, 'nothing', { answered: true }),
  answer: cost(8, 64),
  bye: cost(8, 64),
};

/** Units that a message of a kind and length costs at least. */
export function unitsOf(type: Message['type'], length: number): number {
  const { units, bytesPerUnit } = MESSAGE_COSTS[type];
  return units + length / bytesPerUnit;
}
