/** What is made good at one Zeek node does not keep waiting what another one has lost. */
import { expect, test } from 'vitest';
import type { AttachedTable } from '../../src/zeek/attachment/attached-table.ts';
import { Audit, type AuditParts } from '../../src/zeek/attachment/audit.ts';
import { nodeTopic } from '../../src/zeek/attachment/script-events.ts';
import type { NodeEvent } from '../../src/index.ts';
import { count, string, vector } from '../../src/zeek/protocol/data/zeek-data.ts';
import { compileZeekTable } from '../../src/zeek/protocol/zeek-table.ts';

const name = 'E2e::counts';

test('a Zeek node that is sent rows of its own leaves a table at rest with the others', () => {
  let now = 0;
  const told: NodeEvent[] = [];
  const attached = {
    name,
    zeek: compileZeekTable(name, { type: 'table[string] of count' }),
    isHeld: false,
    projection: { store: 'memory', rows: { size: 4 } },
  } as unknown as AttachedTable;
  const audit = new Audit({
    host: { id: 'sensor', position: 1, life: () => 'sensor@1', environment: { elapsed: () => now } },
    nodes: { meet: () => true },
    // What is sent to the first is still on its way.
    outbound: {
      isQuiet: (_: AttachedTable, id: string) => id !== 'first',
      keepPace: () => {},
      waiting: () => [],
    },
    teller: { scriptsLoaded: () => {}, status: () => {}, report: (event: NodeEvent) => told.push(event) },
    transfers: { ask: () => new Promise(() => {}) },
    topics: [],
    pulsed: () => {},
    pauseMs: 0,
  } as unknown as AuditParts);
  const pulse = (id: string): void => {
    now += 1000;
    const rows = vector(vector(string(name), count(0)));
    const args = [string(id), string(id), { type: 'boolean', data: true } as const, rows, vector(), vector()];
    audit.take({ topic: 'tablecast/pulse/', name: 'Tablecast::pulse', args });
  };
  audit.watch(attached);
  audit.begin('first');
  for (const id of ['first', 'second']) pulse(id);
  audit.sent(attached, attached.zeek.topic, 4);
  for (let at = 0; at < 2; at++) pulse('second');
  expect(told).toEqual([]);
  audit.sent(attached, nodeTopic('first'), 4);
  pulse('second');
  expect(told).toMatchObject([{ code: 'zeek-missed', details: { zeekNode: 'second', lostChanges: 4 } }]);
});
