import { describe, expect, it } from 'vitest';
import type { Environment } from '../../src/environment.ts';
import type { NodeEvent } from '../../src/index.ts';
import { MAX_NOTICES, MAX_NOTICES_OF_PEER, Notices } from '../../src/replication/costs/notices.ts';

interface Told {
  readonly told: NodeEvent[];
  readonly notices: Notices;
  /** Lets a minute pass. */
  minute(this: void): void;
}

function notices(): Told {
  const told: NodeEvent[] = [];
  let due: (() => void) | undefined;
  const environment = {
    schedule: (_: number, task: () => void) => {
      due = task;
      return { cancel: () => (due = undefined) };
    },
  } as unknown as Environment;
  return {
    told,
    notices: new Notices(environment, (event) => told.push(event)),
    minute: () => {
      const task = due;
      due = undefined;
      task?.();
    },
  };
}

const refused = (peer: string, table: string): NodeEvent => {
  return { code: 'table-refused', severity: 'error', message: `Table ${table}.`, table, peer };
};

describe('what a peer makes happen again and again', () => {
  it('is told once per peer and table, then counted, and told once a minute with the count', () => {
    const { told, notices: of, minute } = notices();
    for (let times = 0; times < 20_000; times++) of.report(refused('evil', 't'));
    of.report(refused('evil', 'u'));
    of.report(refused('other', 't'));
    expect(told).toHaveLength(3);
    minute();
    expect(told.slice(3).map(({ peer, table, details }) => [peer, table, details])).toEqual([
      ['evil', 't', { times: 19_999 }],
    ]);
    expect(told[3]?.message).toBe('Table t. (19999 times more)');
    minute();
    expect(told).toHaveLength(4);
    of.report(refused('evil', 't'));
    expect(told[4]?.details).toBeUndefined();
  });

  it('is told once for each cause', () => {
    const { told, notices: of } = notices();
    for (const right of ['read', 'write', 'read'])
      of.report({ ...refused('evil', 't'), code: 'access-refused', details: { right } });
    expect(told.map(({ details }) => details?.['right'])).toEqual(['read', 'write']);
  });

  it('is told once per table when it is what the peer says that it does not take, whatever that names', () => {
    const { told, notices: of, minute } = notices();
    const claim = (table: string, by: string, index: number): NodeEvent => {
      const details = { by, origin: `x${index}@1`, code: `CODE_${index}` };
      return { ...refused('evil', table), code: 'operations-refused', details };
    };
    for (let index = 0; index < 1000; index++)
      for (const table of ['t', 'u']) of.report(claim(table, 'there', index));
    expect(told).toHaveLength(2);
    minute();
    expect(told.slice(2).map(({ table, details }) => [table, details?.['times']])).toEqual([
      ['t', 999],
      ['u', 999],
    ]);
    // What this node found of them is told for each.
    for (let index = 0; index < 3; index++) of.report(claim('t', 'here', index));
    expect(told).toHaveLength(7);
  });

  it.each(['access-refused', 'fork-claimed'] as const)(
    'is told once per table when it is %s, of any author',
    (code) => {
      const { told, notices: of } = notices();
      for (let index = 0; index < 1000; index++)
        of.report({ ...refused('evil', 't'), code, details: { right: 'origin', origin: `x${index}@1` } });
      expect(told).toHaveLength(1);
    },
  );

  it('is of one peer when it comes from one address, whatever the ports', () => {
    const { told, notices: of } = notices();
    for (let port = 1000; port < 1100; port++) of.report(refused(`10.0.0.1:${port}`, 't'));
    expect(told).toHaveLength(1);
  });

  it('is told each time it comes and goes, for a while', () => {
    const { told, notices: of, minute } = notices();
    for (let times = 0; times < 100; times++)
      of.report({ code: 'peer-lost', severity: 'warning', message: 'Lost.', peer: 'evil' });
    expect(told).toHaveLength(8);
    minute();
    expect(told.at(-1)?.details).toEqual({ times: 92 });
  });

  it('leaves no notice out at the limit, and those beyond with their number', () => {
    const { told, notices: of, minute } = notices();
    for (let table = 0; table < MAX_NOTICES_OF_PEER; table++) of.report(refused('evil', `t${table}`));
    expect(told).toHaveLength(MAX_NOTICES_OF_PEER);
    of.report(refused('evil', 'one more'));
    expect(told).toHaveLength(MAX_NOTICES_OF_PEER);
    minute();
    expect(told.at(-1)).toMatchObject({ code: 'notices-left-out', details: { times: 1 } });
    for (let peer = 0; peer <= MAX_NOTICES; peer++) of.report(refused(`peer ${peer}`, 't'));
    expect(told).toHaveLength(MAX_NOTICES_OF_PEER + 1 + MAX_NOTICES);
    minute();
    expect(told.at(-1)).toMatchObject({ code: 'notices-left-out', details: { times: 1 } });
  });

  it('says what was counted when the node is closed', () => {
    const { told, notices: of } = notices();
    of.report(refused('evil', 't'));
    of.report(refused('evil', 't'));
    of.stop();
    expect(told.at(-1)?.details).toEqual({ times: 1 });
  });
});
