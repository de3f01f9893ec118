import {
  BTreeIndex,
  type Collection,
  add,
  count,
  createCollection,
  createLiveQueryCollection,
  eq,
  lt,
  sum,
} from '@tanstack/db';
import type { Measure } from '../contest.ts';
import { GROUPS, type Question, SHOWN, type ViewedRows, groupOf, measureView } from '../views.ts';

interface Row {
  readonly id: string;
  readonly value: number;
  readonly group: number;
}

/** A collection that is written as from a server: less work than its optimistic writes. */
function collectionOf(id: string) {
  let write: (rows: readonly Row[]) => void = () => undefined;
  const known = new Set<string>();
  const collection = createCollection<Row, string>({
    id,
    getKey: ({ id: key }) => key,
    startSync: true,
    autoIndex: 'eager',
    defaultIndexType: BTreeIndex,
    sync: {
      sync: ({ begin, write: put, commit, markReady }) => {
        write = (rows) => {
          begin();
          for (const value of rows) {
            put({ type: known.has(value.id) ? 'update' : 'insert', value });
            known.add(value.id);
          }
          void commit();
        };
        markReady();
      },
    },
  });
  return { collection, write: (rows: readonly Row[]) => write(rows) };
}

function query(question: Question, rows: Collection<Row, string>, owners: Collection<Row, string>) {
  const questions = {
    filter: () =>
      createLiveQueryCollection((q) => q.from({ row: rows }).where(({ row }) => lt(row.value, 500))),
    sorted: () =>
      createLiveQueryCollection((q) =>
        q
          .from({ row: rows })
          .orderBy(({ row }) => row.value, 'desc')
          .limit(SHOWN),
      ),
    groups: () =>
      createLiveQueryCollection((q) =>
        q
          .from({ row: rows })
          .groupBy(({ row }) => row.group)
          .select(({ row }) => ({ group: row.group, rows: count(row.id), sum: sum(row.value) })),
      ),
    join: () =>
      createLiveQueryCollection((q) =>
        q
          .from({ row: rows })
          .innerJoin({ owner: owners }, ({ row, owner }) => eq(row.group, owner.group))
          .select(({ row, owner }) => ({ id: row.id, value: add(row.value, owner.value) })),
      ),
  };
  return questions[question]();
}

/** A live query over a collection, with one subscriber; `variant` is the question, and writes in a commit. */
export function view(variant: string): Measure {
  const [question, each] = variant.split(' ') as [Question, string];
  return (setting) =>
    measureView(
      async (viewed): Promise<ViewedRows> => {
        const rows = collectionOf(`rows ${viewed}`);
        const owners = collectionOf(`owners ${viewed}`);
        owners.write(
          Array.from({ length: GROUPS }, (_, group) => ({ id: `owner ${group}`, value: group, group })),
        );
        let seen = 0;
        if (viewed) {
          const live = query(question, rows.collection, owners.collection);
          await live.preload();
          live.subscribeChanges((changes) => {
            seen += changes.length;
          });
        }
        let gathered: Row[] | undefined;
        return {
          set(id, value) {
            const row = { id, value, group: groupOf(value) };
            if (gathered === undefined) rows.write([row]);
            else gathered.push(row);
          },
          fill: (keys, values) =>
            rows.write(
              keys.map((id, index) => {
                const value = values[index & 0xffff] as number;
                return { id, value, group: groupOf(value) };
              }),
            ),
          transact(write) {
            if (each === '1') return write();
            gathered = [];
            write();
            rows.write(gathered);
            gathered = undefined;
          },
          seen: () => seen,
        };
      },
      { ...setting, slow: each === '1' ? 100 : 20 },
    );
}
