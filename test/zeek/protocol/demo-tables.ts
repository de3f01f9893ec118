/** The tables of the recordings, as their script declares them. */
import { compileZeekTable, type ZeekTable } from '../../../src/zeek/protocol/zeek-table.ts';

const types = {
  'Demo::Color': 'enum { RED, GREEN, BLUE }',
  'Demo::Rec': `record {
    a: count;
    b: string;
    c: vector of string;
    d: addr &optional;
    e: set[port] &optional;
    f: double &default=0.5;
  }`,
};

const declared: Readonly<Record<string, string>> = {
  i_string: 'table[string] of count',
  i_count: 'table[count] of count',
  i_int: 'table[int] of count',
  i_double: 'table[double] of count',
  i_addr: 'table[addr] of count',
  i_subnet: 'table[subnet] of count',
  i_port: 'table[port] of count',
  i_time: 'table[time] of count',
  i_interval: 'table[interval] of count',
  i_bool: 'table[bool] of count',
  i_enum: 'table[Demo::Color] of count',
  i_multi: 'table[string, count, addr, port] of count',
  i_rec: 'table[Demo::Rec] of count',
  v_string: 'table[string] of string',
  v_int: 'table[string] of int',
  v_double: 'table[string] of double',
  v_addr: 'table[string] of addr',
  v_subnet: 'table[string] of subnet',
  v_port: 'table[string] of port',
  v_time: 'table[string] of time',
  v_interval: 'table[string] of interval',
  v_bool: 'table[string] of bool',
  v_enum: 'table[string] of Demo::Color',
  v_pattern: 'table[string] of pattern',
  v_rec: 'table[string] of Demo::Rec',
  v_set: 'table[string] of set[addr]',
  v_vec: 'table[string] of vector of count',
  v_table: 'table[string] of table[string] of count',
  s_addr: 'set[addr]',
  s_multi: 'set[addr, port]',
  s_enum: 'set[Demo::Color]',
  x_create: 'table[string] of count',
  x_write: 'set[addr]',
  b_batched: 'table[string] of count',
  b_topic: 'table[string] of count',
  b_func: 'table[string] of count',
};

/** Every table of the demonstration by its qualified name. */
export const demoTables: ReadonlyMap<string, ZeekTable> = new Map(
  Object.entries(declared).map(([name, type]) => {
    const table = compileZeekTable(`Demo::${name}`, { type, types });
    return [table.name, table];
  }),
);
