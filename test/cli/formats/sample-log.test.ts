import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { generateSampleLog, readRecords, recordMapper } from '../../../src/cli/formats/index.ts';
import { failureOf } from './collect.ts';

const sample = [...generateSampleLog()].join('');

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

describe('the generated sample log', () => {
  it('has the same bytes for a seed, on every machine', () => {
    expect(digest(sample)).toBe('b0b087118a112902');
    expect(digest([...generateSampleLog({ seed: 1 })].join(''))).not.toBe(digest(sample));
  });

  it('is a prefix of a longer one', () => {
    const rows = (count: number): string[] => [...generateSampleLog({ rows: count })].join('').split('\n');
    expect(rows(1234).slice(0, 500)).toEqual(rows(500).slice(0, 500));
    expect(rows(0)).toHaveLength(10);
  });

  it('reads as a dns.log of 20,000 rows with growing times and skewed queries', async () => {
    const time = recordMapper({ key: ['ts'] }, { key: 'time' });
    const perClient = new Map<unknown, number>();
    const queries = new Set<unknown>();
    let rows = 0;
    let last = 0n;
    for await (const record of readRecords({ name: 'sample', chunks: [sample] })) {
      const now = time(record)?.key as bigint;
      expect(now > last).toBe(true);
      last = now;
      rows += 1;
      const client = record.fields.get('id.orig_h');
      perClient.set(client, (perClient.get(client) ?? 0) + 1);
      queries.add(record.fields.get('query'));
    }
    expect(rows).toBe(20_000);
    expect(queries.size).toBeGreaterThan(500);
    const counts = [...perClient.values()].toSorted((a, b) => b - a);
    expect(counts.length).toBeGreaterThan(200);
    expect(counts[0]).toBeGreaterThan(10 * (counts[100] as number));
  });

  it('yields known hosts and known services of both protocols', async () => {
    const host = recordMapper({ key: ['id.orig_h'] }, { key: 'addr' });
    const service = recordMapper({ key: ['id.resp_h', 'id.resp_p/proto'] }, { key: ['addr', 'port'] });
    const hosts = new Set<unknown>();
    const services = new Set<string>();
    for await (const record of readRecords({ name: 'sample', chunks: [sample] })) {
      hosts.add(host(record)?.key);
      services.add(String(service(record)?.key));
    }
    expect(hosts.size).toBeGreaterThan(200);
    expect([...services]).toEqual(
      expect.arrayContaining(['10.20.0.2,53/udp', '10.20.0.2,53/tcp', 'ff02::fb,5353/udp']),
    );
  });

  it('is made in less than a second', () => {
    const started = performance.now();
    for (const piece of generateSampleLog({ seed: 2 })) expect(piece.length).toBeGreaterThan(0);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('refuses rows and seeds that are no whole numbers in range', async () => {
    for (const options of [{ rows: -1 }, { rows: 1.5 }, { seed: 2 ** 32 }, { seed: NaN }]) {
      expect((await failureOf(() => generateSampleLog(options))).code).toBe('OPTION_INVALID');
    }
  });
});
