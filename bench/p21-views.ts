import type { Contest, Contestant, Goal, Measure, Metric, Target } from './contest.ts';
import { declare, product } from './product.ts';
import { filterByHand, groupsByHand, joinByHand, sortedByHand } from './views-by-hand.ts';
import { GROUPS, type Question, SHOWN, type ViewedRows, groupOf, measureView, passes } from './views.ts';
import type { View } from 'tablecast';

const module = 'p21-views';
const METRICS: readonly Metric[] = [
  { name: 'view', label: 'CPU that the view adds', unit: 'µs/op', steady: true },
  { name: 'cpu', label: 'CPU with the write', unit: 'µs/op', steady: true },
];
const ownerOf = (group: number): string => `owner ${group}`;

/** Opens a node with a table, and where it is viewed the view of a question. */
async function opened(question: Question, viewed: boolean, id: string) {
  const { openNode } = await product();
  const node = await openNode({ id });
  const rows = declare(node, 'rows');
  const owners = declare(node, 'owners');
  for (let group = 0; group < GROUPS; group++) owners.set(ownerOf(group), group);
  if (!viewed) return { rows, view: undefined };
  const views: Readonly<Record<Question, () => View>> = {
    filter: () => rows.view({ where: ({ value }) => passes(value) }),
    sorted: () => rows.view({ orderBy: { descending: ({ value }) => value }, limit: SHOWN }),
    groups: () =>
      rows.view({
        groupBy: ({ value }) => groupOf(value),
        aggregate: { rows: 'count', sum: { sum: ({ value }) => value } },
      }),
    join: () =>
      rows
        .join(owners, { on: ({ value }) => ownerOf(groupOf(value)) })
        .view({ map: ({ value: { left, right } }) => left + right.value }),
  };
  return { rows, view: views[question]() };
}

function told(question: Question): Measure {
  return (setting) =>
    measureView(async (viewed): Promise<ViewedRows> => {
      const { rows, view } = await opened(question, viewed, `told-${viewed}`);
      let seen = 0;
      view?.differences.subscribe((differences) => {
        seen += differences.length;
      });
      return { set: (key, value) => void rows.set(key, value), seen: () => seen };
    }, setting);
}

function read(question: Question): Measure {
  return (setting) =>
    measureView(async (viewed): Promise<ViewedRows> => {
      const { rows, view } = await opened(question, viewed, `read-${viewed}`);
      let seen = 0;
      const look = (): void => {
        seen += view?.size ?? 0;
      };
      return { set: (key, value) => void rows.set(key, value), read: look, seen: () => seen };
    }, setting);
}

/** Measures a view whose subscriber is told of each write by itself. */
export const ours = (question: string): Measure => told(question as Question);
/** Measures a view that is read after a thousand writes. */
export const oursRead = (question: string): Measure => read(question as Question);

const BY_HAND = { filter: filterByHand, sorted: sortedByHand, groups: groupsByHand, join: joinByHand };

/** Measures the same by hand: a Map, and what is kept beside it. */
export function byHand(question: string): Measure {
  return (setting) =>
    measureView(
      async (viewed) => {
        const rows = new Map<string, number>();
        const bare: ViewedRows = { set: (key, value) => void rows.set(key, value), seen: () => 0 };
        return viewed ? BY_HAND[question as Question](rows) : bare;
      },
      question === 'sorted' ? { ...setting, slow: 20 } : setting,
    );
}

const TELLS = 'tablecast, told of each';
const READS = 'tablecast, read per 1,000';
const HAND = 'a Map, by hand';
const PEER = '@tanstack/db, 1 per commit';

function contestants(question: Question): Contestant[] {
  const peer = { kind: 'peer', module: 'peers/tanstack-db', export: 'view' } as const;
  const needs = [{ what: 'package', name: '@tanstack/db' }] as const;
  return [
    { name: HAND, kind: 'floor', module, export: 'byHand', variant: question },
    { name: TELLS, kind: 'ours', module, export: 'ours', variant: question },
    { name: READS, kind: 'ours', module, export: 'oursRead', variant: question },
    { ...peer, name: PEER, variant: `${question} 1`, needs },
    { ...peer, name: '@tanstack/db, 1,000 per commit', variant: `${question} 1000`, needs },
  ];
}

function contest(question: Question, title: string, goals: readonly Goal[]): Contest {
  return {
    name: question,
    title,
    note: 'The same updates of 100,000 rows with the view and without it, in ten turns of each.',
    metrics: METRICS,
    contestants: contestants(question),
    goals: [
      ...goals,
      {
        text: '≥ 10x cheaper than @tanstack/db, one by one',
        metric: 'view',
        of: PEER,
        over: TELLS,
        atLeast: 10,
      },
    ],
  };
}

const atMost = (limit: number): Goal => ({
  text: `≤ ${limit} µs for each operation`,
  metric: 'view',
  of: TELLS,
  atMost: limit,
});

export const p21: Target = {
  id: 'P21',
  title: 'Live views of 100,000 rows',
  contests: [
    contest('filter', 'where: half of the rows, one subscriber', [atMost(1)]),
    contest('sorted', `orderBy, limit ${SHOWN}, one subscriber`, [atMost(10)]),
    contest('groups', `groupBy with count and sum, ${GROUPS} groups, one subscriber`, []),
    contest('join', `a join with ${GROUPS} rows of another table, one subscriber`, []),
  ],
};
