import { isTablecastError } from '../../errors.ts';
import type { OperationLog } from '../../log/keeping/operation-log.ts';
import { type Epoch, isModeName } from '../../log/operations/epoch.ts';
import type { Origins } from '../../log/operations/origin.ts';
import { checkpointChunks, wholeTable } from '../../projection/checkpoints/checkpoint-writer.ts';
import type { DigestCache } from '../../projection/comparing/digest-cache.ts';
import { stateName } from '../../projection/comparing/digest.ts';
import type { Projection } from '../../projection/projection.ts';
import type { Held, ReplicaTable, TableDigests } from '../../replication/replica.ts';
import { differenceFromThere } from '../../schema/index.ts';
import type { BackendName } from '../../schema/schema.ts';
import type { Slicing, Work } from '../../work/slices.ts';

/** The parts of a replica that its tables share. */
export interface LocalTableParts {
  readonly log: OperationLog;
  readonly origins: Origins;
  readonly digests: DigestCache;
  /** Says how long work is cut. */
  readonly slicing: Slicing;
}

/**
 * A table as replication sees it, made for each look at one: mode, epoch, rows and revision stay as they were then. A
 * class, since every received frame looks: methods of an object literal would be made each time.
 */
export class LocalTable implements ReplicaTable {
  readonly name: string;
  readonly store: BackendName;
  readonly fingerprint: string;
  readonly mode: string;
  readonly epoch: Epoch;
  readonly declaration: unknown;
  readonly rows: number;
  readonly revision: number;
  readonly #projection: Projection;
  readonly #parts: LocalTableParts;

  constructor(projection: Projection, parts: LocalTableParts) {
    const { schema, inForce } = projection;
    this.name = schema.name;
    this.store = projection.store;
    this.fingerprint = schema.fingerprint;
    this.mode = inForce.mode.name;
    this.epoch = inForce.epoch;
    this.declaration = schema.declaration;
    this.rows = projection.rows.size;
    this.revision = projection.revision;
    this.#projection = projection;
    this.#parts = parts;
  }

  get forgottenNodes(): readonly string[] {
    return [...this.#projection.held.lives.forgotten.keys()];
  }

  get lives(): number {
    return this.#projection.held.vector().size;
  }

  get changes(): number {
    return this.#projection.held.vector().changes;
  }

  unavailable(mode: string): string | undefined {
    return isModeName(mode) ? this.#projection.inForce.modeOf(mode).unavailable?.() : undefined;
  }

  canFollow(epoch: { readonly counter: number }): boolean {
    return this.#projection.inForce.canFollow(epoch);
  }

  // A switch of mode changes what stands, and not what was declared.
  differenceFrom(there: object, mode: string): string {
    const { declaration } = this.#projection.schema;
    return differenceFromThere(
      { ...declaration, mode: this.#projection.inForce.mode.name },
      { ...there, mode },
    );
  }

  held(origin: string): number {
    return heldOf(this.#projection, this.#parts.origins, origin);
  }

  vector(): Held {
    const { origins } = this.#parts;
    const entries = this.#projection.held.vector().entries();
    return Array.from(entries, ([origin, sequence]) => [origins.at(origin).text, sequence] as const);
  }

  sessionOf(origin: string, sequence: number): number {
    return this.#projection.held.sessions.of(this.#parts.origins.find(origin) ?? -1, sequence);
  }

  positionOf(origin: string, sequence: number): number {
    return this.#projection.held.marks.positionOf(this.#parts.origins.find(origin), sequence);
  }

  state(): string {
    return stateName(this.#projection, this.#parts.origins);
  }

  digests(): Work<TableDigests | undefined> {
    return this.#parts.digests.of(this.#projection);
  }

  writeTouched(): void {
    writeTouched(this.#projection, this.#parts.slicing);
  }

  checkpoint(tellsSwitch: boolean): Iterator<Uint8Array, void> {
    this.#parts.log.seal();
    return keptChunks(this.#projection, this.#parts.origins, tellsSwitch);
  }
}

/** Returns up to which operation of an origin a table holds them; 0 for none. */
export function heldOf(projection: Projection, origins: Origins, origin: string): number {
  const index = origins.find(origin);
  return index === undefined ? 0 : projection.held.vector().get(index);
}

/**
 * Some in a turn, until all are written. While the disk takes nothing, values are written again when the next such peer
 * comes: nobody called this who could be told.
 */
function writeTouched(projection: Projection, slicing: Slicing): void {
  try {
    if (projection.local.writeTouched()) slicing.defer(() => writeTouched(projection, slicing));
  } catch (error) {
    if (!isTablecastError(error)) throw error;
  }
}

/** A table's checkpoint while its slots keep their numbers. */
function* keptChunks(
  projection: Projection,
  origins: Origins,
  tellsSwitch: boolean,
): Generator<Uint8Array, void, undefined> {
  const release = projection.keepSlots();
  try {
    yield* checkpointChunks(projection, origins, wholeTable(projection, tellsSwitch));
  } finally {
    release();
  }
}
