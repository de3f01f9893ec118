/** What the recorded script does, step by step, on request of a client. */
import { string, type ZeekData } from '../../../../src/zeek/protocol/data/zeek-data.ts';
import { decodeValue } from '../../../../src/zeek/protocol/values/decode.ts';
import { compileZeekTable } from '../../../../src/zeek/protocol/zeek-table.ts';
import { demoTables } from '../demo-tables.ts';
import { printRow } from '../zeek-print.ts';
import type { ScriptHandler, StandIn, StandInOptions } from './server.ts';
import type { PublishOnChange, SimTableOptions } from './sim-table.ts';
import type { ZeekNode } from './zeek-node.ts';

const all = ['new', 'changed', 'removed', 'expired'] as const;
const atOnce: PublishOnChange = { changes: all, maxBatchDelayMs: 0 };

const publish: ReadonlyMap<string, PublishOnChange> = new Map<string, PublishOnChange>([
  ['Demo::b_batched', { changes: all }],
  ['Demo::b_topic', { changes: ['new'], topic: 'demo/own-topic', maxBatchDelayMs: 0 }],
  [
    'Demo::b_func',
    { changes: ['new'], maxBatchDelayMs: 0, topic: ([key]) => `demo/shard/${firstLetter(key)}` },
  ],
]);

function firstLetter(key: ZeekData | undefined): string {
  return key?.type === 'string' ? key.data.slice(0, 1) : '';
}

const expire: ReadonlyMap<string, SimTableOptions['expire']> = new Map([
  ['Demo::x_create', { kind: 'create', seconds: 1 }],
  ['Demo::x_write', { kind: 'write', seconds: 1 }],
]);

const ns = (seconds: number): bigint => BigInt(Math.round(seconds * 1e9));

function insert(zeek: ZeekNode): void {
  const rows: readonly (readonly [string, unknown, unknown?])[] = [
    ['i_string', 'k', 1],
    ['i_string', 'uml ä quote " back \\ nl \n tab \t slash /', 2],
    ['i_string', '', 3],
    ['i_count', 0, 1],
    ['i_count', 18446744073709551615n, 2],
    ['i_int', -5, 1],
    ['i_int', 9223372036854775807n, 2],
    ['i_double', 1.5, 1],
    ['i_double', -0.1, 2],
    ['i_double', 1e300, 3],
    ['i_double', 3, 4],
    ['i_addr', '192.168.0.1', 1],
    ['i_addr', '2001:db8::1', 2],
    ['i_subnet', '10.0.0.0/8', 1],
    ['i_subnet', '2001:db8::/32', 2],
    ['i_port', '80/tcp', 1],
    ['i_port', '53/udp', 2],
    ['i_port', '8/icmp', 3],
    ['i_port', '99/unknown', 4],
    ['i_time', 1700000000123456000n, 1],
    ['i_time', 0n, 2],
    ['i_time', ns(1.5), 3],
    ['i_interval', ns(1.5), 1],
    ['i_interval', ns(7200), 2],
    ['i_interval', -3000000n, 3],
    ['i_interval', ns(86400), 4],
    // Zeek computes 100 usec as 100 times 1e-6, which is a little less than 1e-4.
    ['i_interval', 99999n, 5],
    ['i_bool', true, 1],
    ['i_bool', false, 2],
    ['i_enum', 'Demo::GREEN', 1],
    ['i_multi', ['k', 7, '10.1.2.3', '443/tcp'], 1],
    ['i_rec', { a: 1, b: 'b', c: ['x', 'y'], f: 0.5 }, 1],
    ['v_string', 'k', 'value ä'],
    ['v_int', 'k', -42],
    ['v_double', 'k', 2.25],
    ['v_double', 'whole', 4],
    ['v_addr', 'k', '10.0.0.1'],
    ['v_addr', 'k6', 'fe80::1'],
    ['v_subnet', 'k', '192.168.0.0/16'],
    ['v_port', 'k', '8080/tcp'],
    ['v_time', 'k', 1700000000500000000n],
    ['v_interval', 'k', ns(90)],
    ['v_bool', 'k', true],
    ['v_enum', 'k', 'Demo::BLUE'],
    ['v_pattern', 'k', '/foo|bar/i'],
    ['v_rec', 'k', { a: 1, b: 'b', c: ['x', 'y'], f: 0.5 }],
    ['v_rec', 'full', { a: 2, b: 'b', c: [], d: '1.2.3.4', e: ['22/tcp', '80/tcp'], f: 7.5 }],
    ['v_set', 'k', ['10.0.0.1', '10.0.0.2']],
    ['v_vec', 'k', [1, 2, 3]],
    ['v_table', 'k', [['inner', 1]]],
    ['s_addr', '10.9.9.9'],
    ['s_multi', ['10.9.9.9', '22/tcp']],
    ['s_enum', 'Demo::RED'],
  ];
  for (const [table, key, value] of rows) zeek.set(`Demo::${table}`, key, value);
}

function change(zeek: ZeekNode): void {
  zeek.set('Demo::i_string', 'k', 10);
  zeek.set('Demo::i_string', 'k', 10);
  zeek.set('Demo::i_multi', ['k', 7, '10.1.2.3', '443/tcp'], 20);
  zeek.set('Demo::i_count', 0, 2);
  zeek.set('Demo::v_double', 'k', 9.75);
  zeek.set('Demo::v_enum', 'k', 'Demo::RED');
  zeek.set('Demo::v_rec', 'k', { a: 9, b: 'changed', c: ['z'], d: '9.9.9.9', f: 0.5 });
  zeek.setInside('Demo::v_rec', 'k', { a: 77, b: 'changed', c: ['z'], d: '9.9.9.9', f: 0.5 });
  zeek.setInside('Demo::v_set', 'k', ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  zeek.set('Demo::v_set', 'k', ['10.7.7.7']);
  zeek.setInside('Demo::v_vec', 'k', [1, 2, 3, 4]);
  zeek.set('Demo::s_addr', '10.9.9.9');
}

function remove(zeek: ZeekNode): void {
  zeek.delete('Demo::i_string', 'k');
  zeek.delete('Demo::i_string', 'not there');
  zeek.delete('Demo::i_multi', ['k', 7, '10.1.2.3', '443/tcp']);
  zeek.delete('Demo::v_rec', 'k');
  zeek.delete('Demo::v_set', 'k');
  zeek.delete('Demo::s_addr', '10.9.9.9');
  zeek.delete('Demo::s_multi', ['10.9.9.9', '22/tcp']);
}

function batch(zeek: ZeekNode): void {
  for (let at = 1; at <= 25; at += 1) zeek.set('Demo::b_batched', `k${String(at).padStart(2, '0')}`, at);
  zeek.set('Demo::b_batched', 'k01', 100);
  zeek.set('Demo::b_batched', 'k01', 101);
  zeek.delete('Demo::b_batched', 'k01');
}

function topics(zeek: ZeekNode): void {
  zeek.set('Demo::b_topic', 'k', 1);
  zeek.set('Demo::b_func', 'apple', 1);
  zeek.set('Demo::b_func', 'banana', 2);
  zeek.set('Demo::b_func', 'avocado', 3);
}

function double(key: string, value: number): (zeek: ZeekNode) => void {
  return (zeek) => zeek.assign('Demo::v_double', [string(key)], { type: 'real', data: value });
}

const steps: ReadonlyMap<string, (zeek: ZeekNode, cluster: StandIn) => void> = new Map<
  string,
  (zeek: ZeekNode, cluster: StandIn) => void
>([
  ['insert', insert],
  ['change', change],
  ['remove', remove],
  ['batch', batch],
  ['topics', topics],
  ['race', (zeek) => zeek.set('Demo::i_string', 'race', 1000)],
  [
    'clear',
    (zeek) => {
      zeek.replaceVariable('Demo::i_port');
      zeek.clear('Demo::i_subnet');
    },
  ],
  [
    'expire',
    (zeek) => {
      zeek.set('Demo::x_create', 'soon', 1);
      zeek.set('Demo::x_write', '10.5.5.5');
    },
  ],
  [
    'publish_table',
    (zeek) => {
      zeek.publishTable('zeek/table/Demo::i_string/', 'Demo::i_string');
      zeek.publishTable('zeek/table/Demo::v_rec/', 'Demo::v_rec');
    },
  ],
  // A null pointer plus one was 2 when it was recorded.
  ['add-null', (zeek) => zeek.set('Demo::i_string', 'novalue', 2)],
  ['quit', (_, cluster) => void cluster.close('terminate')],
  ['bin-esc', (zeek) => zeek.set('Demo::v_string', 'esc', 'a\u001bb')],
  ['bin-nul', (zeek) => zeek.set('Demo::v_string', 'nul', 'a\u0000b')],
  ['bin-vt', (zeek) => zeek.set('Demo::v_string', 'vt', 'a\vb')],
  ['bin-ff', (_, cluster) => cluster.sendRaw(Buffer.from([0x22, 0x61, 0xff, 0x62, 0x22]))],
  ['bin-nan', double('nan', NaN)],
  ['bin-inf', double('inf', Infinity)],
  [
    'bin-tiny',
    (zeek) => {
      double('tiny', 1.23456789e-9)(zeek);
      double('pi', Math.PI)(zeek);
    },
  ],
  [
    'bin-clean',
    (zeek) => {
      for (const key of ['esc', 'vt', 'nul', 'ff']) zeek.delete('Demo::v_string', key);
      for (const key of ['nan', 'inf']) zeek.delete('Demo::v_double', key);
    },
  ],
]);

function argument(args: readonly ZeekData[]): string {
  const [first] = args;
  return first?.type === 'string' ? first.data : '';
}

function dumpText(zeek: ZeekNode, name: string): string {
  const { table } = zeek.table(name).options;
  const { index: types, value: type } = table;
  const rows = [...zeek.table(name).rows.values()].map(({ index, value }) => {
    const columns = index.map((column, at) => decodeValue(types[at] ?? { kind: 'bool' }, column, name));
    const key = columns.length === 1 ? columns[0] : columns;
    if (type === undefined) return printRow({ kind: 'set', index: types }, key, undefined);
    const held = value.type === 'none' ? undefined : decodeValue(type, value, name);
    return printRow({ kind: 'table', index: types, value: type }, key, held);
  });
  return `{\n\t${rows.join(',\n\t')}\n}`;
}

function dump(cluster: StandIn, nonce: string): void {
  const zeek = cluster.node();
  const say = (id: string, text: string): void => {
    cluster.publish(
      { topic: 'demo/out', name: 'Demo::dump', args: [string(nonce), string(id), string(text)] },
      zeek,
    );
  };
  for (const [name, table] of zeek.tables) if (table.rows.size > 0) say(name, dumpText(zeek, name));
  say('END', '');
}

const scripts: ReadonlyMap<string, ScriptHandler> = new Map<string, ScriptHandler>([
  ['Demo::run_step', (event, cluster) => steps.get(argument(event.args))?.(cluster.node(), cluster)],
  ['Demo::do_dump', (event, cluster) => dump(cluster, argument(event.args))],
  // Reads a field of the entry without a value: Zeek aborts.
  [
    'Demo::go',
    (event, cluster) => void (argument(event.args) === 'record' ? cluster.close('crash') : undefined),
  ],
]);

/** The simulated cluster of the recordings; `firstNodeId` as Zeek named itself then. */
export function demoOptions(firstNodeId: string): StandInOptions {
  const own = [
    compileZeekTable('Demo::r', { type: 'table[string] of record { a: count; }' }),
    compileZeekTable('Demo::s', { type: 'table[string] of string' }),
  ];
  return {
    firstNodeId,
    topics: ['demo/cmd'],
    tables: [...demoTables.values(), ...own].map((table) => ({
      table,
      publish: publish.get(table.name) ?? atOnce,
      expire: expire.get(table.name),
    })),
    events: new Map<string, readonly ZeekData['type'][]>([
      ['Demo::run_step', ['string']],
      ['Demo::do_dump', ['string']],
      ['Demo::said', ['string']],
      ['Demo::dump', ['string', 'string', 'string']],
      ['Demo::go', ['string']],
    ]),
    scripts,
  };
}
