import { setImmediate } from 'node:timers/promises';
import type { TableDeclaration, TableNode } from '../../../src/index.ts';
import { encodeMessage } from '../../../src/replication/wire/wire.ts';
import { NodeUnderAttack } from './fake-peer.ts';

/** Tables of every column type. */
export const declarations: Readonly<Record<string, TableDeclaration>> = {
  counts: { key: 'string', value: 'count', backend: 'memory' },
  doubles: { key: 'string', value: 'double', backend: 'memory', createExpire: '1h' },
  texts: { key: ['addr', 'port'], value: 'string', backend: 'memory' },
  flags: { key: 'int', value: 'bool', backend: 'memory' },
  seen: { key: 'string', backend: 'memory' },
  documents: { key: 'string', value: 'any', backend: 'memory', complexValues: true },
  times: { key: 'string', value: 'time', backend: 'memory', writeExpire: '1h' },
};

/** Declares {@link declarations} on a node. */
export function declareAll(node: TableNode): void {
  for (const [name, declaration] of Object.entries(declarations)) node.table(name, declaration);
}

function write(node: TableNode): void {
  const counts = node.table('counts', {
    key: 'string',
    value: { type: 'count', as: 'exact' },
    backend: 'memory',
  });
  const texts = node.table('texts', { key: ['addr', 'port'], value: 'string', backend: 'memory' });
  const flags = node.table('flags', { key: 'int', value: 'bool', backend: 'memory' });
  const doubles = node.table('doubles', {
    key: 'string',
    value: 'double',
    backend: 'memory',
    createExpire: '1h',
  });
  const seen = node.table('seen', { key: 'string', backend: 'memory' });
  const complex = { key: 'string', value: 'any', backend: 'memory', complexValues: true } as const;
  const documents = node.table('documents', complex);
  const times = node.table('times', { key: 'string', value: 'time', backend: 'memory', writeExpire: '1h' });
  for (let index = 0; index < 12; index++) {
    counts.set(`key ${index % 5}`, index === 7 ? 2n ** 63n : index * 1000);
    texts.set([`10.0.0.${index}`, `${index}/tcp`], `text ${'ä'.repeat(index)}`);
    flags.set(index - 5, index % 2 === 0);
    doubles.set(`d${index}`, index === 3 ? Number.NaN : index / 3);
    seen.add(`seen ${index}`);
    documents.set(`doc ${index % 4}`, { index, list: [[index], {}, 'ä'.repeat(index)], none: null });
    times.set(`t${index}`, 1_700_000_000_000_000_000n + BigInt(index));
  }
  counts.delete('key 1');
  seen.delete('seen 3');
  flags.clear();
  node.batch(() => counts.set('in a batch', 1).set('too', 2));
  flags.set(1, true);
}

/** Frames of every type as real nodes send them. */
export async function validFrames(): Promise<Uint8Array[]> {
  const attacked = await NodeUnderAttack.open({ id: 'evil' });
  declareAll(attacked.node);
  const live = attacked.connect();
  live.greet('reader');
  for (let turn = 0; turn < 6; turn++) {
    write(attacked.node);
    await setImmediate();
  }
  const counts = attacked.node.table('counts', {
    key: 'string',
    value: { type: 'count', as: 'exact' },
    backend: 'memory',
  });
  for (let index = 0; index < 1200; index++) counts.set(`key ${index % 40}`, index);
  await settled(() => live.messages('runs').length > 5);
  const late = attacked.connect();
  late.greet('late');
  await settled(
    () => late.messages('level').length > 0 && late.messages('checkpoint').some(({ last }) => last),
  );
  live.deliver(encodeMessage({ type: 'ping', time: 5 }));
  const frames = [...live.received, ...late.received];
  const [state] = live.hello.tables;
  frames.push(
    encodeMessage({
      type: 'tables',
      tables: state === undefined ? [] : [{ ...state, held: [['evil@1', 3]] }],
    }),
    encodeMessage({ type: 'ack', bytes: 100_000, operations: 10 }),
    encodeMessage({ type: 'ping', time: 1e12 }),
    encodeMessage({ type: 'level', tables: ['counts', 'seen'] }),
    encodeMessage({ type: 'bye', code: 'closed', reason: 'The node was closed.' }),
    encodeMessage({
      type: 'sources',
      sources: { direct: [['evil@1', ['counts', 'seen']]], have: [['counts', 'evil@1', 7]] },
    }),
  );
  await attacked.close();
  return frames;
}

async function settled(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (condition()) return;
    await setImmediate();
  }
  throw new Error('the node did not send what was expected');
}
