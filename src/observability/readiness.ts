import type { DialState } from '../replication/peers/peer-state.ts';
import type { ObservedNode } from './observed-node.ts';

/** An answer of the disk counts for so long, and is waited for so long, in milliseconds. */
const FRESH_MS = 5000;
const PROBE_MS = 2000;

/** Says whether a node can do its work, and if not, why. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/**
 * Says what is wrong with the configured peers: one that refuses this node, which no waiting mends, or none
 * that was reached since the start. One that was reached and is away now leaves a node ready: it goes on by
 * itself.
 */
function peerProblems(dials: readonly DialState[]): string[] {
  const refusing = dials.filter(({ state, isReached }) => state === 'refused' && !isReached);
  const problems = refusing.map(problemOf);
  if (problems.length > 0 || dials.length === 0) return problems;
  if (dials.some(({ wasReached, isReached }) => wasReached || isReached)) return [];
  return dials.map(problemOf);
}

function problemOf({ place, reason = 'not reached yet' }: DialState): string {
  return `peer ${place}: ${reason}`;
}

/** Tells whether a node is ready: recovered, its disk takes writes, its peers are as they should be, and it is not closing. */
export class ReadinessCheck {
  readonly #node: ObservedNode;
  #probe: { readonly at: number; readonly result: Promise<string | undefined> } | undefined;
  /** A commit that the disk has not answered: while it hangs no further ones are put behind it. */
  #pending: Promise<string | undefined> | undefined;

  constructor(node: ObservedNode) {
    this.#node = node;
  }

  /** Says what can be told without asking the disk. */
  now(): Readiness {
    const { phase } = this.#node;
    if (phase !== 'open') return { ready: false, reasons: [phase] };
    const failure = this.#node.disk()?.failure;
    const disk = failure === undefined ? [] : [`disk: ${failure}`];
    const reasons = [...disk, ...peerProblems(this.#node.dials())];
    return { ready: reasons.length === 0, reasons };
  }

  /** As {@link now}, and the disk has confirmed a commit within the last seconds. */
  async check(): Promise<Readiness> {
    const now = this.now();
    if (!now.ready || this.#node.disk() === undefined) return now;
    const problem = await this.#diskProblem();
    const after = this.now();
    return problem === undefined || !after.ready ? after : { ready: false, reasons: [`disk: ${problem}`] };
  }

  /** One commit serves every question of some seconds: asking costs the disk next to nothing. */
  #diskProblem(): Promise<string | undefined> {
    const now = performance.now();
    if (this.#probe === undefined || now - this.#probe.at > FRESH_MS) {
      this.#probe = { at: now, result: this.#ask() };
    }
    return this.#probe.result;
  }

  async #ask(): Promise<string | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`no answer within ${PROBE_MS} ms`), PROBE_MS);
    });
    const pending = this.#pending ?? this.#answer();
    this.#pending = pending;
    void pending.then(() => (this.#pending = undefined));
    const result = await Promise.race([pending, late]);
    clearTimeout(timer);
    return result;
  }

  async #answer(): Promise<string | undefined> {
    try {
      await this.#node.probe();
      return undefined;
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : 'a commit failed';
    }
  }
}
