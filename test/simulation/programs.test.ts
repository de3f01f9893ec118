import { describe, expect, it } from 'vitest';
import {
  type FaultOptions,
  type SimulationOptions,
  type SimulatedTables,
  simulate,
} from 'tablecast/simulation';
import { TablecastError } from '../../src/index.ts';

const tables = { visits: { key: 'string', value: 'count', backend: 'sqlite', mode: 'lww' } } as const;

/** Counts visits on three nodes, each under a key of its own, as a program without a bug does. */
const counting = {
  nodes: 3,
  tables,
  durationMs: 4000,
  ledger: () => ({ told: 0, tried: 0 }),
  program({ node, tables: { visits } }, { ledger, random, setInterval }) {
    setInterval(
      async () => {
        ledger.tried++;
        visits.increment(node.id);
        await node.flush();
        ledger.told++;
      },
      100 + random() * 200,
    );
  },
  check(nodes, { told, tried }) {
    for (const { tables: here } of nodes) {
      const counted = [...here.visits.values()].reduce<number>((sum, count) => sum + count, 0);
      if (counted < told || counted > tried) throw new Error(`${counted} counted of ${told} to ${tried}`);
    }
  },
} satisfies SimulationOptions<typeof tables, { told: number; tried: number }>;

/** What a simulation fails with; throws where it holds. */
async function failureOf<const T extends SimulatedTables, L>(
  options: SimulationOptions<T, L>,
): Promise<TablecastError> {
  const error: unknown = await simulate(options).then(
    (report) => new Error(`held: ${JSON.stringify(report)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof TablecastError && error.code === 'SIMULATION_FAILED') return error;
  throw error;
}

/** Lines of the message that tell of faults. */
const faultsIn = ({ message }: TablecastError): string[] =>
  message.split('\n').filter((line) => line.startsWith('    '));

const only = (kind: keyof FaultOptions): FaultOptions => ({
  partitions: false,
  crashes: false,
  clocks: false,
  [kind]: true,
});

describe('a world', () => {
  it('gives an equal report for an equal seed, alone and beside another, and another one for another seed', async () => {
    const report = await simulate({ ...counting, seed: 5, seeds: 3 });
    expect(await simulate({ ...counting, seed: 5, seeds: 3 })).toEqual(report);
    const beside = await Promise.all([5, 8].map((seed) => simulate({ ...counting, seed, seeds: 3 })));
    expect(beside[0]).toEqual(report);
    expect(beside[1]?.trace).not.toBe(report.trace);
    expect(report).toMatchObject({ seed: 5, seeds: 3 });
    expect(report.frames).toBeGreaterThan(100);
  });

  it('meets every kind of fault under some seeds, none where none is wanted, and only the kind that is wanted', async () => {
    const options = { ...counting, seeds: 8 };
    const { faults } = await simulate(options);
    expect(Math.min(...Object.values(faults))).toBeGreaterThan(0);
    const none = { partitions: false, crashes: false, clocks: false };
    const calm = await simulate({ ...options, faults: none });
    expect(calm.faults).toEqual({ partition: 0, crash: 0, clock: 0 });
    const { crash, ...others } = (await simulate({ ...options, faults: only('crashes') })).faults;
    expect(others).toEqual({ partition: 0, clock: 0 });
    expect(crash).toBeGreaterThan(0);
  });

  it('runs a program again after a crash, and nothing that the life before it waited for', async () => {
    let crashes = 0;
    const report = await simulate({
      nodes: 2,
      seeds: 10,
      tables: {},
      faults: only('crashes'),
      ledger: () => ({ lives: new Map<string, number>(), late: 0 }),
      async program({ node }, { ledger, sleep, setInterval, setTimeout }) {
        const { lives } = ledger;
        const life = (lives.get(node.id) ?? 0) + 1;
        lives.set(node.id, life);
        const alive = (): void => {
          if (lives.get(node.id) !== life) ledger.late++;
        };
        setInterval(alive, 50);
        setTimeout(alive, 5000);
        for (;;) {
          await sleep(70);
          alive();
        }
      },
      check(nodes, { lives, late }) {
        expect(late).toBe(0);
        expect(nodes.map(({ node }) => node.id)).toEqual(['n0', 'n1']);
        crashes += [...lives.values()].reduce((sum, life) => sum + life - 1, 0);
      },
    });
    expect(crashes).toBeGreaterThan(5);
    // A node that is down when programs end comes back without its program.
    expect(report.faults.crash).toBeGreaterThanOrEqual(crashes);
  });

  it('keeps what was flushed over a crash, and fills memory tables from the others', async () => {
    await simulate({
      nodes: 3,
      seeds: 10,
      tables: {
        kept: { key: 'string', backend: 'sqlite' },
        known: { key: 'string' },
      },
      ledger: () => ({ kept: new Set<string>() }),
      program({ node, tables: { kept, known } }, { ledger, now, random, setInterval }) {
        setInterval(async () => {
          const key = `${node.id} ${now()} ${random()}`;
          kept.add(key);
          known.add(key);
          await node.flush();
          ledger.kept.add(key);
        }, 300);
      },
      check(nodes, ledger) {
        for (const { tables: held } of nodes) {
          for (const key of ledger.kept) expect(held.kept.has(key)).toBe(true);
          expect([...held.known].toSorted()).toEqual([...(nodes[0]?.tables.known ?? [])].toSorted());
        }
      },
    });
  });

  it('lets a crash take at `interval` what it lets stand at `commit`', async () => {
    const options = { ...counting, seeds: 30, faults: only('crashes') };
    await simulate(options);
    expect((await failureOf({ ...options, durability: 'interval' })).message).toContain('counted of');
  });

  it('stops timers that are cancelled, and draws numbers and times of its own for every node', async () => {
    await simulate({
      nodes: 2,
      tables: {},
      faults: only('clocks'),
      seeds: 4,
      ledger: () => ({ drawn: [] as number[], ran: 0, cancelled: 0 }),
      async program(_node, { ledger, random, sleep, setInterval, setTimeout }) {
        ledger.drawn.push(random());
        setTimeout(() => ledger.cancelled++, 10).cancel();
        const every = setInterval(() => {
          ledger.ran++;
          every.cancel();
        }, 10);
        const never = setInterval(() => ledger.cancelled++, 20);
        await sleep(5);
        never.cancel();
      },
      check(_nodes, { drawn, ran, cancelled }) {
        expect(new Set(drawn).size).toBe(2);
        expect([ran, cancelled]).toEqual([2, 0]);
      },
    });
  });
});

describe('a bug of a program', () => {
  it('is found without any fault where one needs none, with its seed and how to repeat it', async () => {
    const reading: typeof counting = {
      ...counting,
      program({ node, tables: { visits } }, { ledger, setInterval }) {
        setInterval(async () => {
          ledger.tried++;
          visits.set('home', (visits.get('home') ?? 0) + 1);
          await node.flush();
          ledger.told++;
        }, 100);
      },
    };
    const error = await failureOf({ ...reading, seeds: 20 });
    const { seed } = error.details;
    expect(error.message).toContain(`Seed ${String(seed)} of the simulation failed: `);
    expect(error.message).toContain('without any fault');
    expect(error.message).toContain(`set TABLECAST_SEED=${String(seed)}`);
    const again = await failureOf({ ...reading, seed: Number(seed) });
    expect([again.message, again.details]).toEqual([error.message, error.details]);
  });

  it('is found where it says done before it is on disk, and names crashes alone', async () => {
    const error = await failureOf({
      ...counting,
      seeds: 200,
      program({ node, tables: { visits } }, { ledger, setInterval }) {
        setInterval(() => {
          ledger.tried++;
          visits.increment(node.id);
          ledger.told++;
        }, 100);
      },
    });
    expect(faultsIn(error)).not.toEqual([]);
    expect(faultsIn(error).filter((line) => !line.includes('crashes, down for'))).toEqual([]);
  });

  it('is found where it trusts a clock, and names the one jump that it takes', async () => {
    const error = await failureOf({
      nodes: 2,
      tables: {},
      seeds: 100,
      program(_node, { now, setInterval }) {
        let before = now();
        setInterval(() => {
          if (now() < before) throw new Error('the clock went back');
          before = now();
        }, 100);
      },
      check: () => undefined,
    });
    expect(faultsIn(error)).toHaveLength(1);
    expect(faultsIn(error)[0]).toMatch(/ms: the clock of n\d is -?\d+ ms ahead/);
  });

  it('is found where it trusts the network, and names the one partition that it takes', async () => {
    const error = await failureOf({
      nodes: 3,
      tables: { beats: { key: 'string', value: 'count' } },
      faults: only('partitions'),
      seeds: 100,
      program({ node, tables: { beats } }, { setInterval, sleep }) {
        if (node.id === 'n0') return void setInterval(() => beats.increment('n0'), 100);
        return (async () => {
          await sleep(1000);
          for (let seen = -1; ; await sleep(1500)) {
            const beat = beats.get('n0') ?? 0;
            if (beat === seen) throw new Error('n0 is gone');
            seen = beat;
          }
        })();
      },
      check: () => undefined,
    });
    expect(faultsIn(error)).toHaveLength(1);
    expect(faultsIn(error)[0]).toMatch(/cut off .*for \d+ ms/);
  });

  it('is said to need the simulated clock and randomness where it does not repeat', async () => {
    let runs = 0;
    const drawing = {
      ...counting,
      program: ({ tables: { visits } }: Parameters<typeof counting.program>[0]) =>
        void visits.set('home', ++runs),
      check: () => undefined,
    };
    expect((await simulate(drawing)).seeds).toBe(1);
    const error = await failureOf({ ...drawing, twice: true });
    expect(error.message).toContain('did not run the same way twice');
    expect(error.hint).toContain('second argument of the program');
    const failing = await failureOf({
      ...drawing,
      check: () => {
        throw new Error(`run ${runs}`);
      },
    });
    expect(failing.message).toContain('A second run went another way');
    expect(failing.details['repeats']).toBe(false);
  });

  const broken = new Error('broken');
  const throwing = (): never => {
    throw broken;
  };
  it.each<[string, Partial<SimulationOptions<Record<string, never>, undefined>>]>([
    ['the program', { program: throwing }],
    ['the program, later', { program: async (_node, { sleep }) => sleep(10).then(throwing) }],
    ['a task', { program: (_node, { setTimeout }) => setTimeout(throwing, 10) }],
    ['a task that is repeated', { program: (_node, api) => api.setInterval(async () => throwing(), 10) }],
    ['the check', { check: throwing }],
    ['the check, later', { check: async ([one]) => one?.node.flush().then(throwing) }],
  ])('is found in %s, and its error is the cause', async (_where, part) => {
    const quiet = { nodes: 1, tables: {}, program: () => undefined, check: () => undefined };
    expect((await failureOf({ ...quiet, ...part })).cause).toBe(broken);
  });
});

describe('options', () => {
  it('take the one seed of TABLECAST_SEED in the place of all others', async () => {
    const before = process.env['TABLECAST_SEED'];
    try {
      process.env['TABLECAST_SEED'] = '77';
      expect(await simulate({ ...counting, seeds: 5 })).toMatchObject({ seed: 77, seeds: 1 });
      for (const text of ['x', '-1', '1.5', '2147483648']) {
        process.env['TABLECAST_SEED'] = text;
        await expect(simulate(counting), text).rejects.toMatchObject({ code: 'OPTION_INVALID' });
      }
    } finally {
      if (before === undefined) delete process.env['TABLECAST_SEED'];
      else process.env['TABLECAST_SEED'] = before;
    }
  });

  it.each<[string, string, unknown]>([
    ['nodes', 'nodes', 0],
    ['nodes', 'nodes', 17],
    ['seed', 'seed', -1],
    ['seed', 'seed', 2 ** 31],
    ['seeds', 'seeds', 1_000_001],
    ['durationMs', 'durationMs', 86_400_001],
    ['durationMs', 'durationMs', 'long'],
    ['program', 'program', undefined],
    ['check', 'check', 'nothing'],
    ['faults.fires', 'faults', { fires: true }],
    ['faults.crashes', 'faults', { crashes: 3 }],
    ['durability', 'durability', 'never'],
    ['speed', 'speed', 1],
  ])('are refused by name: %s', async (named, option, value) => {
    await expect(simulate({ ...counting, [option]: value } as never)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      details: { option: named },
    });
  });

  it('are refused where seeds go on beyond the last one, and run it where they end with it', async () => {
    const last = { ...counting, durationMs: 500, seed: 2 ** 31 - 2 };
    expect((await simulate({ ...last, seeds: 2 })).seeds).toBe(2);
    await expect(simulate({ ...last, seeds: 3 })).rejects.toMatchObject({ details: { option: 'seeds' } });
  });

  it('are refused as a node refuses them, before any world begins', async () => {
    const bad = { visits: { key: 'nothing' } } as never;
    await expect(simulate({ ...counting, tables: bad } as never)).rejects.toMatchObject({
      code: 'DECLARATION_INVALID',
    });
    await expect(simulate({ ...counting, limits: { maxPeers: -1 } })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    });
  });
});
