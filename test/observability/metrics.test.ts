import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { filter, firstValueFrom } from 'rxjs';
import { NODE_EVENT_CODES, openNode } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';
import { EventCounts } from '../../src/observability/event-counts.ts';
import { expose } from '../../src/observability/exposition.ts';
import { METRICS, readMetrics } from '../../src/observability/metrics.ts';
import { Sampler } from '../../src/observability/sampler.ts';
import { observedNode } from './observed.ts';

const docs = readFileSync(fileURLToPath(new URL('../../docs/operations.md', import.meta.url)), 'utf8');
const [, section = ''] = /## Metrics\n([\s\S]*?)\n## /.exec(docs) ?? [];

/** Name of a metric of one sample line, and its series. */
const LINE = /^([a-z_]+)((?:\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})?) (?:-?[0-9.e+-]+|\+Inf|-Inf|NaN)$/;

function samplesOf(text: string): Map<string, string[]> {
  const samples = new Map<string, string[]>();
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('# ')) continue;
    const [, name = '', labels = ''] = LINE.exec(line) ?? [];
    expect(name, line).not.toBe('');
    samples.set(name, [...(samples.get(name) ?? []), labels]);
  }
  return samples;
}

test('docs/operations.md lists every metric with its type, and no other', () => {
  const rows = Array.from(
    section.matchAll(/^\| `(tablecast_\w+)(?:\{[^}]*\})?` \| (\w+) \|/gm),
    ([, name, type]) => [name, type],
  );
  expect(rows).toEqual(METRICS.map(({ name, type }) => [name, type]));
});

test('alerts and dashboard ask for metrics that there are, and the documents list every alert', () => {
  const read = (name: string): string =>
    readFileSync(fileURLToPath(new URL(`../../deploy/${name}`, import.meta.url)), 'utf8');
  const rules = read('prometheus/tablecast.rules.yml');
  const [, listed = ''] = /## Alerts\n([\s\S]*?)\n## /.exec(docs) ?? [];
  expect(Array.from(listed.matchAll(/^\| `(Tablecast\w+)`/gm), ([, name]) => name)).toEqual(
    Array.from(rules.matchAll(/alert: (\w+)/g), ([, name]) => name),
  );
  const alerts = rules + read('grafana/tablecast.json').replaceAll('\\"', '"');
  const used = alerts.match(/tablecast_\w+/g) ?? [];
  expect(used.length).toBeGreaterThan(10);
  const known = METRICS.map(({ name }) => name);
  for (const name of used) expect(known).toContain(name);
  const codes = Array.from(alerts.matchAll(/code="([^"]+)"/g), ([, code]) => code);
  for (const code of codes) expect(NODE_EVENT_CODES).toContain(code);
});

test('names are those Prometheus wants: counters end in _total, sizes in _bytes, times in _seconds', () => {
  for (const { name, type, help } of METRICS) {
    expect(name).toMatch(/^tablecast_[a-z_]+$/);
    expect(name.endsWith('_total'), name).toBe(type === 'counter');
    expect(help, name).toMatch(/^[A-Z].*\.$/);
  }
  expect(new Set(METRICS.map(({ name }) => name)).size).toBe(METRICS.length);
});

test('a node with a peer exposes exactly the metrics there are, each series once', async () => {
  const one = await openNode({ id: 'one', listen: { port: 0 } });
  onTestFinished(() => one.close());
  one.table('hosts', { key: 'addr', value: 'count' }).set('10.0.0.1', 1);
  const { mkdtempSync, rmSync } = await import('node:fs');
  const directory = mkdtempSync('/tmp/tablecast-metrics-');
  const two = await openNode({ id: 'two', directory, peers: [one.address ?? ''], health: { port: 0 } });
  onTestFinished(async () => {
    await two.close();
    rmSync(directory, { recursive: true });
  });
  const table = two.table('hosts', { key: 'addr', value: 'count' });
  two.table('kept', { key: 'addr', value: 'count', backend: 'sqlite' }).set('10.0.0.2', 2);
  await firstValueFrom(table.synced.pipe(filter((synced) => synced)));
  await two.flush();
  const response = await fetch(`${two.healthAddress ?? ''}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await response.text();
  const samples = samplesOf(text);
  // The first heartbeat comes later.
  const expected = METRICS.map(({ name }) => name).filter(
    (name) => name !== 'tablecast_peer_round_trip_seconds',
  );
  expect([...samples.keys()].filter((name) => name !== 'tablecast_peer_round_trip_seconds')).toEqual(
    expected,
  );
  for (const labels of samples.values()) expect(new Set(labels).size).toBe(labels.length);
  expect(text).toContain('tablecast_table_rows{table="hosts"} 1\n');
  expect(text).toContain('tablecast_table_operations_total{table="hosts",author="remote"} 1\n');
  expect(text).toContain('tablecast_table_operations_total{table="kept",author="local"} 1\n');
  expect(text).toContain('tablecast_peer_connected{peer="one"} 1\n');
  expect(text).toContain('tablecast_events_total{code="peer-connected"} 1\n');
  expect(samples.get('tablecast_events_total')).toHaveLength(NODE_EVENT_CODES.length);
});

test('any label and any help stays one line of its series', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.double(), (label, help, value) => {
      const text = expose([
        { name: 'tablecast_x', type: 'gauge', help, samples: [{ labels: { table: label }, value }] },
      ]);
      const lines = text.split('\n');
      expect(lines).toHaveLength(4);
      expect(lines[2]).toMatch(LINE);
      const [, escaped = ''] = /^tablecast_x\{table="(.*)"\} /s.exec(lines[2] ?? '') ?? [];
      expect(escaped.replaceAll(/\\(.)/g, (_, mark: string) => (mark === 'n' ? '\n' : mark))).toBe(label);
    }),
    { examples: [['a"b\\"c\nd', 'a\\b\nc"d', Infinity]], interruptAfterTimeLimit: 4000 },
  );
});

test('a write that waits for the disk shows its age; events are counted by code and severity', async () => {
  let committed = 0;
  const node = observedNode({
    disk: () => ({
      file: '/nowhere/a.db',
      appended: 5,
      committed,
      trimmedTo: 0,
      waitingBytes: 77,
      failure: 'BACKEND_FULL',
      tornSegments: 0,
    }),
    peers: () =>
      ['ws://user:secret@b:1/x?token=secret', 'ws://b:1'].map((address) => ({
        address,
        nodeId: undefined,
        direction: 'dialled' as const,
        state: 'waiting' as const,
        since: 0,
        reason: undefined,
        sentOperations: 0,
        receivedOperations: 0,
        lagOperations: 0,
        durableOperations: undefined,
        durabilityProblem: undefined,
        roundTripMs: undefined,
        clockOffsetMs: undefined,
        rights: undefined,
        heldBack: [],
        tables: [],
      })),
  });
  const sampler = new Sampler(() => node.disk());
  const events = new EventCounts(node.events);
  onTestFinished(() => {
    sampler.stop();
    events.stop();
  });
  expect(sampler.oldestUnsyncedSeconds).toBeGreaterThanOrEqual(0);
  await new Promise((resolve) => setTimeout(resolve, 30));
  node.events.next({ code: 'backend-failed', severity: 'error', message: '' });
  node.events.next({ code: 'peer-lost', severity: 'warning', message: '' });
  const text = expose(readMetrics({ node, events, sampler, sizes: undefined, ready: false }));
  expect(text).not.toContain('secret');
  expect(text).toContain('tablecast_peers{state="waiting"} 1\n');
  expect(text).toContain('tablecast_unsynced_positions 5\n');
  expect(text).toContain('tablecast_unsynced_bytes 77\n');
  expect(text).toContain('tablecast_disk_full 1\n');
  expect(text).toContain('tablecast_error_events_total 1\n');
  expect(text).toContain('tablecast_events_total{code="peer-lost"} 1\n');
  const [, age] = /^tablecast_oldest_unsynced_seconds (.*)$/m.exec(text) ?? [];
  expect(Number(age)).toBeGreaterThanOrEqual(0.025);
  committed = 5;
  expect(sampler.oldestUnsyncedSeconds).toBe(0);
});
