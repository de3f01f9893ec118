import type { TableDeclaration } from '../../../src/index.ts';
import { readRunHeader } from '../../../src/log/runs/run.ts';
import type { TableState } from '../../../src/replication/wire/bodies.ts';
import type { Message } from '../../../src/replication/wire/wire.ts';
import type { ComparisonMessage } from '../../../src/replication/wire/comparison-wire.ts';

/** Most frames of one kind that are remembered to be said again. */
const MOST = 32;

/** What the adversary heard and said so far, to speak of it. */
export class Knowledge {
  /** By name, what the nodes said of their tables last. */
  readonly tables = new Map<string, TableState>();
  readonly origins = new Set<string>();
  readonly runs: Uint8Array[] = [];
  readonly checkpoints: Extract<Message, { type: 'checkpoint' }>[] = [];
  readonly comparisons: ComparisonMessage[] = [];
  /** By table, the declaration that the world gives it. */
  readonly declarations: Readonly<Record<string, TableDeclaration>>;

  constructor(declarations: Readonly<Record<string, TableDeclaration>>) {
    this.declarations = declarations;
  }

  /** Takes in a message, whoever said it. */
  learn(message: Message): void {
    switch (message.type) {
      case 'hello':
        for (const origin of message.hello.origins) this.origins.add(origin);
        for (const state of message.hello.tables) this.#learnState(state);
        return;
      case 'tables':
        for (const state of message.tables) this.#learnState(state);
        return;
      case 'runs':
        for (const run of message.runs) this.#learnRun(run);
        return;
      case 'checkpoint':
        return keep(this.checkpoints, message);
      case 'digest':
      case 'ask':
      case 'sums':
      case 'rows':
        return keep(this.comparisons, message);
      default:
    }
  }

  #learnState(state: TableState): void {
    this.tables.set(state.name, state);
    for (const [origin] of state.held) this.origins.add(origin);
  }

  #learnRun(run: Uint8Array): void {
    keep(this.runs, run);
    this.origins.add(readRunHeader(run).origin);
  }
}

function keep<T>(list: T[], one: T): void {
  list.push(one);
  if (list.length > MOST) list.splice(0, MOST / 2);
}
