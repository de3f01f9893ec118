import type { Environment } from '../../environment.ts';
import type { NodeEvent } from '../../events.ts';
import { suggestion } from '../../schema/nearest.ts';

/** A table that no connected peer declares is told after so many milliseconds: nodes declare theirs when they start. */
const GRACE_MS = 10_000;

/** The parts are what finding lonely tables needs of its node. */
export interface LonelyTablesParts {
  readonly environment: Environment;
  /** Names of the tables of this node. */
  names(): Iterable<string>;
  /** Names that each connected peer declares. */
  peers(): Iterable<readonly string[]>;
  report(event: NodeEvent): void;
}

/** Tells once of each table that nobody else declares although peers are connected: a name is easily mistyped. */
export class LonelyTables {
  readonly #parts: LonelyTablesParts;
  readonly #told = new Set<string>();
  #isDue = false;
  #stopped = false;

  constructor(parts: LonelyTablesParts) {
    this.#parts = parts;
  }

  /** A table was declared here, or a peer came. */
  look(): void {
    if (this.#isDue || this.#stopped) return;
    const names = [...this.#parts.names()].filter((name) => !this.#told.has(name));
    if (names.length === 0) return;
    this.#isDue = true;
    this.#parts.environment.schedule(GRACE_MS, () => {
      this.#isDue = false;
      if (this.#stopped) return;
      this.#tell(names);
      // Those that were declared meanwhile have not had their time.
      if ([...this.#parts.names()].some((name) => !this.#told.has(name) && !names.includes(name)))
        this.look();
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  #tell(names: readonly string[]): void {
    const declared = new Set([...this.#parts.peers()].flat());
    // A peer that declares nothing is no node of this cluster, or only looks.
    if (declared.size === 0) return;
    const here = new Set(this.#parts.names());
    const elsewhere = [...declared].filter((name) => !here.has(name));
    for (const name of names) {
      if (declared.has(name)) continue;
      this.#told.add(name);
      this.#parts.report(alone(name, suggestion(name, elsewhere)));
    }
  }
}

function alone(table: string, meant: string): NodeEvent {
  return {
    code: 'table-alone',
    severity: meant === '' ? 'info' : 'warning',
    message: `Table ${table}: no connected peer declares it, so it is replicated with nobody.${meant}`,
    table,
    details: { hint: 'Compare the spelling with that of the other nodes, or declare it there.' },
  };
}
