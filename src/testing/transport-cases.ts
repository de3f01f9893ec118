import type { FrameLimitOptions } from '../transport/limits.ts';
import type { Transport } from '../transport/transport.ts';
import type { Link } from './observed.ts';

/** The transports of one case. */
export interface Ground {
  readonly open: (limits?: FrameLimitOptions) => Promise<Transport>;
  /** Two ends, not started; the far side listens. */
  readonly linked: (limits?: FrameLimitOptions, farLimits?: FrameLimitOptions) => Promise<Link>;
  readonly started: (limits?: FrameLimitOptions, farLimits?: FrameLimitOptions) => Promise<Link>;
  readonly nobody: () => Promise<string>;
}

/** A promise of the port, checked with transports of its own. */
export interface TransportCase {
  readonly title: string;
  readonly check: (ground: Ground) => Promise<void>;
}
