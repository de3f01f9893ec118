import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  readRecords,
  recordMapper,
  type LogRecord,
  type RecordMapper,
} from '../../../src/cli/formats/index.ts';
import type { TypeName } from '../../../src/index.ts';
import { leastProcessorTime } from '../../support/least-time.ts';

const directory = fileURLToPath(new URL('../../../../shared/data/', import.meta.url));
const present = existsSync(`${directory}dns.log.gz`);
if (!present)
  console.info('No real Zeek logs in ../shared/data: their tests are skipped, the generated ones run.');

async function load(name: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of readRecords(directory + name)) records.push(record);
  return records;
}

/** Compares fields by value: JSON writes times as ISO 8601 and booleans as words. */
function valueOf(type: string, field: string): RecordMapper {
  return recordMapper({ key: [field], onUnset: 'skip' }, { key: type as TypeName });
}

describe.skipIf(!present)('real Zeek logs', () => {
  it('has 53,615 equal records in the tab-separated and the JSON dns.log', async () => {
    const [zeek, json] = [await load('dns.log.gz'), await load('dns.json.gz')];
    expect([zeek.length, json.length]).toEqual([53_615, 53_615]);
    // Intervals differ: JSON has the double, the other six decimals.
    const types = [...(zeek[0]?.types ?? [])].filter(([, type]) => !type.includes('interval'));
    expect(types).toHaveLength(22);
    const different: string[] = [];
    for (const [field, type] of types) {
      const value = type.startsWith('vector') ? undefined : valueOf(type === 'port' ? 'count' : type, field);
      for (const [index, record] of zeek.entries()) {
        const other = json[index] as LogRecord;
        const [text, otherText] = [record.fields.get(field), other.fields.get(field)];
        if (text === otherText) continue;
        const same =
          value === undefined
            ? JSON.stringify(text) === JSON.stringify(otherText)
            : value(record)?.key === value(other)?.key;
        if (!same) different.push(`${field}, line ${record.line}: ${String(text)}, ${String(otherText)}`);
      }
    }
    expect(different).toEqual([]);
  });

  it.each([
    ['ssl.log.gz', 49_474],
    ['weird.log.gz', 24_202],
  ])('reads all rows of %s', async (name, rows) => {
    expect(await load(name)).toHaveLength(rows);
  });

  it('maps known services to keys of address and port', async () => {
    const mapper = recordMapper({ key: ['host', 'port_num/port_proto'] }, { key: ['addr', 'port'] });
    const keys = (await load('known_services.log.gz')).map((record) => mapper(record)?.key);
    expect(keys[0]).toEqual(['10.47.3.200', '80/tcp']);
    expect(keys).toHaveLength(1579);
  });

  it('reads dns.log.gz in less than 1.5 seconds of processor time', async () => {
    const reading = async (): Promise<void> => {
      let rows = 0;
      for await (const record of readRecords(`${directory}dns.log.gz`))
        rows += record.fields.size > 0 ? 1 : 0;
      expect(rows).toBe(53_615);
    };
    expect(await leastProcessorTime(reading, 3)).toBeLessThan(1500);
  });
});
