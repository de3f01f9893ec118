import type { Environment, Timer } from '../environment.ts';
import { TablecastError } from '../errors.ts';
import type { SegmentStore } from '../log/keeping/segment-store.ts';
import type { BackendName } from '../schema/schema.ts';
import type { Origins } from '../log/operations/origin.ts';
import { wasProxyOf } from '../log/operations/proxy.ts';
import type { ProjectionContext } from '../projection/context.ts';
import { Deadlines } from '../projection/times/deadlines.ts';
import { Projection } from '../projection/projection.ts';
import { requireAvailable } from '../projection/switching/switching.ts';
import {
  type ColumnForms,
  type Schema,
  type TableDeclaration,
  compileSchema,
  differenceFromBefore,
  differingMembers,
  sameDeclaration,
  suggestion,
} from '../schema/index.ts';

/** Time between two looks at what can be forgotten, in milliseconds. */
const HOUSEKEEPING_MS = 1000;

/** The parts are what the catalog needs of its node. */
export interface CatalogParts {
  readonly nodeId: string;
  readonly environment: Environment;
  readonly origins: Origins;
  readonly projecting: ProjectionContext;
  readonly maxTables: number;
  /** The backends there are, by the names that declarations use. */
  readonly stores: ReadonlyMap<BackendName, SegmentStore>;
  /** Begins the document behind a table anew, for the whole cluster. */
  beginDocument(projection: Projection): void;
  /** The origin this node writes a store's tables as, and the position its next operation can have at the earliest. */
  lifeIn(store: BackendName): { readonly origin: string; readonly position: number };
}

/** A table that was declared. */
export interface Declared {
  readonly projection: Projection;
  /** Says that neither this life nor the log knew the table. */
  readonly isNew: boolean;
  readonly forms: ColumnForms;
}

/** The tables of one node: those its log has rows of, and among them those declared in this life. */
export class TableCatalog {
  readonly #parts: CatalogParts;
  /** Every table there are rows of, declared in this life or not. */
  readonly known: Map<string, Projection> = new Map();
  readonly declared: Map<string, Projection> = new Map();
  readonly #deadlines: Deadlines[] = [];
  #housekeeping: Timer | undefined;

  constructor(parts: CatalogParts) {
    this.#parts = parts;
  }

  /** Takes in a table that the log has rows of. */
  recover(schema: Schema): Projection {
    const projection = this.#project(schema);
    this.known.set(schema.name, projection);
    return projection;
  }

  /**
   * Declares a table. What a switch of mode passed over is still
   * to be written again then. Throws `DECLARATION_…`.
   */
  declare(name: string, declaration: TableDeclaration): Declared {
    const schema = compileSchema(name, declaration);
    const { forms } = schema;
    const before = this.known.get(name);
    if (before !== undefined) requireSame(before, schema);
    const declared = this.declared.get(name);
    if (declared !== undefined) return { projection: declared, isNew: false, forms };
    requireAvailable(before?.inForce.mode ?? this.#parts.projecting.modeOf(schema), name);
    this.#check(schema);
    const projection = before ?? this.recover(schema);
    // The log remembers a default that may be another by now.
    if (before !== undefined) before.declareAs(schema);
    const { origin, position } = this.#parts.lifeIn(projection.store);
    projection.authors.writeAs(origin, position);
    this.declared.set(name, projection);
    this.#housekeeping ??= this.#keepHouse();
    if (schema.expiry !== undefined) this.#expire(projection);
    return { projection, isNew: before === undefined, forms };
  }

  #project(schema: Schema): Projection {
    return new Projection(schema, this.#parts.projecting.modeOf(schema), this.#parts.projecting);
  }

  #expire(projection: Projection): void {
    const { environment, origins, nodeId } = this.#parts;
    const duty = {
      isAuthor: (origin: number) => {
        const author = origins.at(origin).nodeId;
        return author === nodeId || wasProxyOf(nodeId, author);
      },
      now: () => this.#parts.projecting.wall.believed(),
    };
    const deadlines = new Deadlines(projection, environment, duty);
    projection.useDeadlines(deadlines);
    this.#deadlines.push(deadlines);
  }

  /** From now on tables of a store are written as another origin. */
  beginLife(store: BackendName): void {
    for (const projection of this.declared.values()) {
      if (projection.store !== store) continue;
      const { origin, position } = this.#parts.lifeIn(store);
      projection.authors.writeAs(origin, position);
    }
  }

  #check(schema: Schema): void {
    const { maxTables } = this.#parts;
    if (this.declared.size >= maxTables) {
      throw new TablecastError(
        'LIMIT_EXCEEDED',
        `Table ${schema.name} would be one more than ${maxTables}.`,
        {
          hint: 'Raise limits.maxTables, or keep what belongs together in one table with a composite key.',
          details: { table: schema.name, limit: maxTables },
        },
      );
    }
    const { stores } = this.#parts;
    if (stores.has(schema.backend)) return;
    if (schema.backend !== 'sqlite') throw unknownBackend(schema, stores.keys());
    throw new TablecastError(
      'OPTION_INVALID',
      `Table ${schema.name} is to be kept in sqlite, but the node has no directory.`,
      {
        hint: "Pass openNode({ directory: './data', … }), or declare the table with backend: 'memory'.",
        details: { table: schema.name, option: 'directory' },
      },
    );
  }

  /** Now and then forgets removed keys of tables that end with the process; those of durable ones go when a checkpoint is looked at. */
  #keepHouse(): Timer {
    return this.#parts.environment.schedule(HOUSEKEEPING_MS, () => {
      for (const projection of this.known.values())
        if (this.#parts.stores.get(projection.store)?.backend.durable === false) projection.compact();
      for (const projection of this.declared.values())
        if (projection.inForce.isDocumentDue) this.#parts.beginDocument(projection);
      this.#housekeeping = this.#keepHouse();
    });
  }

  /** Ends expiry and every stream. */
  close(): void {
    this.#housekeeping?.cancel();
    for (const projection of this.known.values()) projection.reporter.complete();
  }

  stopExpiry(): void {
    for (const deadlines of this.#deadlines) deadlines.stop();
  }
}

/** Says what is there, and what could be with what is missing: who means that finds it named. */
function unknownBackend({ name, backend }: Schema, known: Iterable<string>): TablecastError {
  const names = [...known];
  const possible = names.includes('sqlite') ? names : [...names, 'sqlite'];
  const missing = names.includes('sqlite') ? '' : "; or sqlite, with openNode({ directory: './data' })";
  return new TablecastError(
    'DECLARATION_INVALID',
    `Table ${name} is to be kept in ${backend}, which is no backend of this node.`,
    {
      hint: `Use one of: ${names.join(', ')}${missing}; or pass openNode({ backends: { ${backend}: … } }).${suggestion(backend, possible)}`,
      details: { table: name, backend },
    },
  );
}

/** Says how what differs is changed while nodes run, with the command to type. */
function wayTo({ name, declaration }: Schema, known: Schema): string {
  const members = differingMembers(declaration, known.declaration);
  if (members.length === 1 && members[0] === 'mode')
    return `Another mode is for all nodes, while they run: tablecast switch-mode ${name} ${declaration.mode}.`;
  if (members.length === 1 && members[0] === 'backend')
    return 'For another backend begin in a new directory, and rows come back from the peers: tablecast run --directory NEW.';
  return `To change it, declare a table of another name beside it and keep both alike: tablecast alter ${name} NAME --dry-run.`;
}

function requireSame({ schema: known, inForce: { epoch } }: Projection, declared: Schema): void {
  // Once switched, a table's mode is what the cluster says, not what a declaration says.
  const same =
    epoch.counter === 0 ? sameDeclaration(known, declared) : known.fingerprint === declared.fingerprint;
  if (same && known.backend === declared.backend) return;
  const [before, now] = [known, declared].map((schema) => JSON.stringify(schema.declaration));
  const { name } = declared;
  throw new TablecastError(
    'DECLARATION_DIFFERS',
    `Table ${name} is declared otherwise than before: ${differenceFromBefore(declared.declaration, known.declaration)}.`,
    {
      hint: `Declare it as before. ${wayTo(declared, known)}`,
      details: { table: name, before, now },
    },
  );
}
