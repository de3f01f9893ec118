import { describe, expect, it } from 'vitest';
import { CHECKPOINT, OPERATIONS } from '../../src/carrier/subjects.ts';
import { encodeMessage } from '../../src/replication/wire/wire.ts';
import { carried, codesOf, declaration, declare } from './carried.ts';

it('an author’s subject brings nothing but operations of this author', async () => {
  const { cluster, memory } = carried(2);
  for (const index of [0, 1]) await cluster.start(index, declare);
  cluster.node(0).table('t', declaration).set('mine', '1');
  await cluster.run(2000);
  const { subject, headers, bytes } = memory.messages.find(({ subject: [kind] }) => kind === OPERATIONS)!;
  // As the carrier's own words these would end the session, and put rows of anybody into the table.
  const bye = encodeMessage({ type: 'bye', code: 'invalid', reason: 'forged' });
  const rows = { type: 'checkpoint', table: 't', index: 0, last: true, chunk: new Uint8Array(9) } as const;
  for (const forged of [bye, encodeMessage(rows), bytes]) {
    const head = { ...headers, 'Tablecast-Held': '9' };
    memory.add({ subject, headers: head, bytes: forged, after: 0, id: '' });
  }
  await cluster.run(5000);
  const told = cluster.member(1).events.filter(({ code }) => code === 'carrier-passed-over');
  expect(told.map(({ message }) => message)).toEqual([
    expect.stringContaining('no message with operations but bye'),
    expect.stringContaining('no message with operations but checkpoint'),
    expect.stringContaining('ends with operation 9, and ends with 1'),
  ]);
  expect(codesOf(cluster, 1)).not.toContain('peer-lost');
  expect(codesOf(cluster, 1)).not.toContain('frame-refused');
  await cluster.close();
});

describe('a message that no node writes, the last under', () => {
  it('an author’s subject, is told and passed over, and the author goes on behind it', async () => {
    const { cluster, memory } = carried(3);
    for (const index of [0, 1]) await cluster.start(index, declare);
    const [a, b] = [cluster.node(0).table('t', declaration), cluster.node(1).table('t', declaration)];
    a.set('before', '1');
    await cluster.run(2000);
    const subject = memory.messages.find(({ subject: [kind] }) => kind === OPERATIONS)!.subject;
    const spoil = (): number =>
      memory.add({ subject, headers: {}, bytes: new Uint8Array(3), after: 0, id: '' });
    spoil();
    a.set('behind', '1');
    await cluster.run(1000);
    expect(b.get('behind')).toBe('1');
    // Nothing is known of what stands before it to who comes now: the author says it again.
    spoil();
    await cluster.stop(0);
    const again = await cluster.start(0, declare);
    again.table('t', declaration).set('after a start', '1');
    const late = await cluster.start(2, declare);
    await cluster.run(5000);
    expect(b.get('after a start')).toBe('1');
    expect(late.table('t', declaration).size).toBe(3);
    expect(codesOf(cluster, 1).filter((code) => code === 'carrier-passed-over')).toHaveLength(2);
    expect(codesOf(cluster, 1)).not.toContain('peer-lost');
    expect(memory.appended).toBeLessThan(20);
    await cluster.close();
  });

  it('the subject of a checkpoint, is told, and the next checkpoint is announced behind it', async () => {
    const { cluster, memory } = carried(2);
    await cluster.start(0, declare);
    const a = cluster.node(0).table('t', declaration);
    await cluster.run(1000);
    memory.add({ subject: [CHECKPOINT, 't'], headers: {}, bytes: new Uint8Array(3), after: 0, id: '' });
    for (let index = 0; index < 100; index++) a.set(`k${index}`, 'x'.repeat(100));
    await cluster.run(10_000);
    expect(codesOf(cluster, 0)).toContain('carrier-passed-over');
    const last = memory.messages.find(({ subject: [kind] }) => kind === CHECKPOINT);
    expect(last?.bytes.length).toBeGreaterThan(3);
    const late = await cluster.start(1, declare);
    await cluster.run(5000);
    expect(late.table('t', declaration).size).toBe(100);
    expect(codesOf(cluster, 1)).toContain('checkpoint-adopted');
    await cluster.close();
  });
});
