import type { ZeekHost } from '../host.ts';

/** Told says how far a Zeek process was told, kept over restarts of this node. */
export interface Told {
  /** The Zeek process that had all rows. */
  readonly server: string;
  /** Position of this node's log up to which it had all changes. */
  readonly position: number;
}

/** Remembers how far Zeek was told. */
export class ClusterMemory {
  readonly #host: ZeekHost;
  readonly #name: string;
  #told: Told | undefined;

  constructor(host: ZeekHost, name: string) {
    this.#host = host;
    this.#name = name;
    this.#told = readTold(host.recall(name));
  }

  get told(): Told | undefined {
    return this.#told;
  }

  keep(told: Told): void {
    if (this.#told?.server === told.server && this.#told.position === told.position) return;
    this.#told = told;
    this.#host.remember(this.#name, told);
  }
}

function readTold(kept: unknown): Told | undefined {
  if (typeof kept !== 'object' || kept === null) return undefined;
  const { server, position } = kept as Partial<Told>;
  if (typeof server !== 'string' || typeof position !== 'number') return undefined;
  return Number.isSafeInteger(position) && position >= 0 ? { server, position } : undefined;
}
