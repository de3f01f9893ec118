import type { Environment, Timer } from '../../environment.ts';
import type { NodeEvent } from '../../events.ts';

/** Most different reports gathered at once; further ones are left out until these were told. */
const MAX_GATHERED = 256;
const MAX_EXAMPLES = 5;

/** Something about one row or frame. */
export interface Notice {
  readonly code: NodeEvent['code'];
  readonly table?: string | undefined;
  /** Says what happened, without the row. */
  readonly what: string;
  /** The row or the reason, as an example. */
  readonly example: string;
}

interface Gathered {
  readonly notice: Notice;
  readonly examples: string[];
  count: number;
}

/** Turns any number of equal notices into one event per interval, so that a flood of them harms nobody. */
export class Notices {
  readonly #environment: Environment;
  readonly #intervalMs: number;
  readonly #tell: (event: NodeEvent, count: number) => void;
  readonly #gathered = new Map<string, Gathered>();
  #timer: Timer | undefined;

  constructor(
    environment: Environment,
    options: { readonly intervalMs: number; tell(event: NodeEvent, count: number): void },
  ) {
    this.#environment = environment;
    this.#intervalMs = options.intervalMs;
    this.#tell = (event, count) => options.tell(event, count);
  }

  note(notice: Notice): void {
    const key = `${notice.code} ${notice.table ?? ''} ${notice.what}`;
    const known = this.#gathered.get(key);
    if (known === undefined && this.#gathered.size >= MAX_GATHERED) return;
    const gathered = known ?? { notice, examples: [], count: 0 };
    this.#gathered.set(key, gathered);
    gathered.count += 1;
    if (gathered.examples.length < MAX_EXAMPLES) gathered.examples.push(notice.example.slice(0, 200));
    this.#timer ??= this.#environment.schedule(this.#intervalMs, () => this.flush());
  }

  /** Tells what was gathered now. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const all = [...this.#gathered.values()];
    this.#gathered.clear();
    for (const { notice, examples, count } of all) {
      const { code, table, what } = notice;
      const message = `${what}: ${examples.join('; ')}${count > examples.length ? `; … (${count} in all)` : ''}`;
      this.#tell({ code, severity: 'warning', message, table, details: { what, count, examples } }, count);
    }
  }
}
