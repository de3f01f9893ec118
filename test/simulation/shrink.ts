import { simulate } from './simulation.ts';
import type { Step, World, WorldOptions } from './world.ts';

/** What a failure says, without the names and numbers that change when a world does. */
function signature(error: unknown): string {
  const [first = ''] = String(error instanceof Error ? error.message : error).split('\n');
  return first
    .replaceAll(/n\d+@\S+|"[^"]*"/g, '…')
    .replaceAll(/\d+/g, '#')
    .slice(0, 30);
}

async function failureOf(world: World, twice: boolean): Promise<string | undefined> {
  try {
    const { trace } = await simulate(world);
    if (!twice) return undefined;
    return (await simulate(world)).trace === trace ? undefined : 'two traces';
  } catch (error) {
    return signature(error);
  }
}

/** Simpler values of options, each tried by itself. */
const SIMPLER: readonly Partial<WorldOptions>[] = [
  { late: 0 },
  { skewMs: 0 },
  { durability: 'commit' },
  { checkpointAfter: undefined },
  { slices: undefined },
  { maxMemoryLogBytes: undefined },
  { bytesPerMs: undefined },
  { commitMs: [0, 0] },
  { delayMs: [0, 1] },
  { delayMs: [1, 1] },
  { topology: 'mesh' },
  { keys: 1 },
];

/** Looks for the smallest world that fails in the same way, by running smaller ones. */
export class Shrinker {
  readonly #deadline: number;
  readonly #wanted: string;
  readonly #twice: boolean;
  #world: World;
  /** Worlds run so far. */
  runs = 0;

  private constructor(
    world: World,
    wanted: string,
    limits: { readonly ms: number; readonly twice: boolean },
  ) {
    this.#world = world;
    this.#wanted = wanted;
    this.#twice = limits.twice;
    this.#deadline = performance.now() + limits.ms;
  }

  /** A shrinker of a world that fails; undefined for one that holds. */
  static async of(world: World, ms: number): Promise<Shrinker | undefined> {
    for (const twice of [false, true]) {
      const wanted = await failureOf(world, twice);
      if (wanted !== undefined) return new Shrinker(world, wanted, { ms, twice });
    }
    return undefined;
  }

  /** Shrinks until nothing more can be taken away, or the time is over. */
  async shrink(): Promise<World> {
    for (let before = ''; before !== JSON.stringify(this.#world) && !this.#isOver;) {
      before = JSON.stringify(this.#world);
      await this.#dropSteps();
      await this.#dropTables();
      await this.#dropNodes();
      for (const simpler of SIMPLER) await this.#tryOptions(simpler);
      await this.#shortenPauses();
    }
    return this.#world;
  }

  get #isOver(): boolean {
    return performance.now() > this.#deadline;
  }

  async #try(world: World): Promise<boolean> {
    if (this.#isOver || JSON.stringify(world) === JSON.stringify(this.#world)) return false;
    this.runs++;
    if ((await failureOf(world, this.#twice)) !== this.#wanted) return false;
    this.#world = world;
    return true;
  }

  #tryOptions(options: Partial<WorldOptions>): Promise<boolean> {
    return this.#try({ ...this.#world, options: { ...this.#world.options, ...options } });
  }

  #trySteps(steps: readonly Step[]): Promise<boolean> {
    return this.#try({ ...this.#world, steps });
  }

  async #dropSteps(): Promise<void> {
    for (let length = Math.ceil(this.#world.steps.length / 2); length >= 1; length = Math.floor(length / 2)) {
      for (let at = this.#world.steps.length; at > 0; at -= length) {
        const { steps } = this.#world;
        await this.#trySteps([...steps.slice(0, Math.max(0, at - length)), ...steps.slice(at)]);
      }
    }
  }

  async #dropTables(): Promise<void> {
    for (const name of Object.keys(this.#world.options.tables)) {
      const tables = { ...this.#world.options.tables };
      delete tables[name];
      if (Object.keys(tables).length > 0) await this.#tryOptions({ tables });
    }
  }

  async #dropNodes(): Promise<void> {
    while (this.#world.options.size > 1) {
      const size = this.#world.options.size - 1;
      const late = Math.min(this.#world.options.late, size - 1);
      if (!(await this.#tryOptions({ size, late }))) return;
    }
  }

  async #shortenPauses(): Promise<void> {
    if (await this.#trySteps(this.#world.steps.map((step) => ({ ...step, pauseMs: 0 })))) return;
    for (let index = 0; index < this.#world.steps.length; index++) {
      const steps = this.#world.steps.map((step, at) => (at === index ? { ...step, pauseMs: 0 } : step));
      await this.#trySteps(steps);
    }
  }
}
