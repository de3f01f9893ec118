import { SeededRandom } from './seeded-random.ts';

/** A fault that is drawn before its world begins. Whom it meets stays the same when other faults are left out. */
export type Fault = {
  /** Begins it, in milliseconds since the world began. */
  readonly atMs: number;
  readonly forMs: number;
} & (
  | { readonly kind: 'partition'; readonly cut: Cut; readonly members: readonly number[] }
  | { readonly kind: 'crash'; readonly member: number; readonly draw: number }
  | { readonly kind: 'clock'; readonly member: number; readonly skewMs: number }
);

/** A cut says how members are cut off from all others: `reset` breaks their connections, of which both sides are told. */
type Cut = 'both ways' | 'outgoing' | 'incoming' | 'reset';

/** Everything that is drawn of a world but what its program draws. */
export interface Plan {
  readonly delayMs: readonly [number, number];
  readonly commitMs: readonly [number, number];
  /** By how much each clock is wrong at the beginning. */
  readonly skewsMs: readonly number[];
  /** In the order in which they begin. */
  readonly faults: readonly Fault[];
}

/** A plan depends on these beside its seed. */
export interface PlanOptions {
  readonly nodes: number;
  readonly durationMs: number;
  readonly faults: Readonly<Record<'partitions' | 'crashes' | 'clocks', boolean>>;
}

/** Most faults of one kind in one world. */
const MOST_FAULTS = 12;
const SKEWS_MS = [10, 1000, 60_000];

/** Draws a plan: under each seed a kind of fault is absent, rare or frequent. */
export function drawPlan(seed: number, { nodes, durationMs, faults }: PlanOptions): Plan {
  const random = new SeededRandom(seed);
  const longest = random.pick([1, 5, 50, 200]);
  const commitMs = random.pick([
    [0, 0],
    [1, 3],
    [0, 100],
  ] as const);
  const skewMs = random.pick(SKEWS_MS);
  const skew = (): number => Math.round((random.next() * 2 - 1) * skewMs);
  const member = (): number => random.between(0, nodes - 1);
  const drawn: Fault[] = [];
  const draw = (count: number, most: number, fault: (at: Span) => Fault): void => {
    for (; count > 0; count--) {
      const atMs = Math.floor(random.next() * durationMs);
      drawn.push(fault({ atMs, forMs: Math.floor(random.next() * most) }));
    }
  };
  const times = (): number => random.pick([0, random.between(1, 3), random.between(4, MOST_FAULTS)]);
  const counts = { partitions: times(), crashes: times(), clocks: times() };
  if (faults.partitions && nodes > 1)
    draw(counts.partitions, durationMs / 3, (span) => partition(span, random, nodes));
  if (faults.crashes)
    draw(counts.crashes, durationMs / 4, (span) => {
      return { kind: 'crash', ...span, member: member(), draw: random.between(1, 1e9) };
    });
  if (faults.clocks)
    draw(counts.clocks, 0, (span) => ({ kind: 'clock', ...span, member: member(), skewMs: skew() }));
  return {
    delayMs: [0, longest],
    commitMs,
    skewsMs: Array.from({ length: nodes }, () => (faults.clocks ? skew() : 0)),
    faults: drawn.toSorted((one, other) => one.atMs - other.atMs),
  };
}

interface Span {
  readonly atMs: number;
  readonly forMs: number;
}

function partition(span: Span, random: SeededRandom, nodes: number): Fault {
  const cut = random.pick(['both ways', 'both ways', 'both ways', 'outgoing', 'incoming', 'reset'] as const);
  const first = random.between(0, nodes - 1);
  const others = Array.from({ length: nodes }, (_, index) => index).filter(
    (index) => index !== first && random.chance(0.25),
  );
  const members = [first, ...others].slice(0, nodes - 1).toSorted((one, other) => one - other);
  return { kind: 'partition', ...span, cut, members };
}

/** A fault in words. */
export function describeFault(fault: Fault): string {
  const { atMs, forMs } = fault;
  switch (fault.kind) {
    case 'partition': {
      const names = fault.members.map((index) => `n${index}`).join(', ');
      if (fault.cut === 'reset') return `${atMs} ms: connections of ${names} break`;
      return `${atMs} ms: ${names} cut off ${fault.cut === 'both ways' ? '' : `(${fault.cut}) `}for ${forMs} ms`;
    }
    case 'crash':
      return `${atMs} ms: n${fault.member} crashes, down for ${forMs} ms`;
    case 'clock':
      return `${atMs} ms: the clock of n${fault.member} is ${fault.skewMs} ms ahead from now on`;
  }
}
