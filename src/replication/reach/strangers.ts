import type { NodeEvent } from '../../events.ts';
import type { Stranger } from '../../transport/transport.ts';

/** Most addresses that are told apart; those beyond are told as one. */
const MAX_ADDRESSES = 64;
const FURTHER = 'further addresses';

/** Strangers were turned away before there was a session: they are told by address and reason, and counted. */
export class Strangers {
  readonly #report: (event: NodeEvent) => void;
  readonly #addresses = new Set<string>();
  /** Counts from nought, so that an alert sees the first. */
  readonly #counts = new Map<string, number>([['401', 0]]);

  constructor(report: (event: NodeEvent) => void) {
    this.#report = report;
  }

  /** Says how many there were, by the status they were answered with. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  refused({ address, status, reason, hint }: Stranger): void {
    this.#counts.set(String(status), (this.#counts.get(String(status)) ?? 0) + 1);
    if (this.#addresses.size < MAX_ADDRESSES) this.#addresses.add(address);
    this.#report({
      code: 'peer-refused',
      severity: 'warning',
      message: `Refused a connection from ${address}: ${reason}. ${hint}`,
      peer: this.#addresses.has(address) ? address : FURTHER,
      details: { address, status, reason, hint },
    });
  }
}
