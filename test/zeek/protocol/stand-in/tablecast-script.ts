import { count, string, vector, type ZeekData } from '../../../../src/zeek/protocol/data/zeek-data.ts';
import type { ZeekEvent } from '../../../../src/zeek/protocol/messages.ts';
import { tableChangeEvent } from '../../../../src/zeek/protocol/table-changes.ts';
import { typeText } from '../../../../src/zeek/protocol/zeek-type.ts';
import type { SimTable } from './sim-table.ts';
import type { KnownEvents } from './wire-checks.ts';
import type { ZeekNode } from './zeek-node.ts';

/** The script package in `zeek/`, as far as other programs see it. */
export interface TablecastScriptOptions {
  /** `Tablecast::tables`. */
  readonly tables: readonly string[];
  readonly announceMs: number;
  /** Zeek tells attributes, as 9.0 does, and the package finds every table. */
  readonly finds?: boolean | undefined;
  /** Tables described in one event; default 50. */
  readonly describedPerEvent?: number | undefined;
  /** `Tablecast::content_batch_size`; default 1,000. */
  readonly contentBatchSize?: number | undefined;
  /** `Tablecast::pulse_interval`; left out, the package is one of before there were pulses. */
  readonly pulseMs?: number | undefined;
  /** What each node publishes is not counted, as in a cluster over Broker. */
  readonly unnumbered?: boolean | undefined;
}

/** A line of tablecast.log. */
export interface LogLine {
  readonly node: string;
  readonly table: string;
  readonly state: string;
  readonly rows: number;
  readonly detail: string;
}

/** The events that a Zeek node knows when it has loaded the package. */
export const tablecastEvents: KnownEvents = new Map<string, readonly ZeekData['type'][]>([
  ['Tablecast::node_started', ['string', 'string', 'string', 'vector']],
  ['Tablecast::acknowledged', ['string', 'string']],
  ['Tablecast::refilled', ['string', 'string', 'count']],
  ['Tablecast::status', ['string', 'string', 'string', 'count', 'string']],
  ['Tablecast::content_wanted', ['string', 'string', 'string', 'count']],
  ['Tablecast::echo_wanted', ['string', 'count']],
  ['Tablecast::descriptions_wanted', ['string']],
]);

const statusTopic = 'tablecast/status/';

function texts(event: ZeekEvent): readonly string[] {
  return event.args.map((arg) => (arg.type === 'string' || arg.type === 'count' ? String(arg.data) : ''));
}

/** `Tablecast::TableDescription`. */
function described({ options }: SimTable, tellsAttributes: boolean): ZeekData {
  const { table, words } = options;
  const { index, value } = table;
  const type =
    value === undefined ? { kind: 'set' as const, index } : { kind: 'table' as const, index, value };
  const { types = {}, expiry = ['', ''], ownTopic = false } = words ?? {};
  const named = Object.entries(types).map(([name, text]) => vector(string(name), string(text)));
  const [kind, after] = tellsAttributes ? expiry : ['', ''];
  const own: ZeekData = { type: 'boolean', data: tellsAttributes && ownTopic };
  const text = string(words?.type ?? typeText(type));
  return vector(string(table.name), text, vector(...named), string(kind), string(after), own);
}

/** The package in one node: announces its start until it is answered, and writes a log. */
export class TablecastScript {
  readonly log: LogLine[] = [];
  acknowledged = false;
  readonly #node: ZeekNode;
  readonly #options: TablecastScriptOptions;
  readonly #publish: (event: ZeekEvent) => void;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #heart: ReturnType<typeof setInterval> | undefined;
  /** `heard_changes`: by Tablecast node and table. */
  readonly #heard = new Map<string, { node: string; table: string; changes: number }>();

  constructor(node: ZeekNode, options: TablecastScriptOptions, publish: (event: ZeekEvent) => void) {
    const { announceMs } = options;
    this.#node = node;
    this.#options = options;
    this.#publish = publish;
    const { pulseMs } = options;
    this.#heart = pulseMs === undefined ? undefined : setInterval(() => this.#beat(), pulseMs);
    this.#timer = setInterval(() => {
      if (!this.acknowledged) this.#announce();
    }, announceMs);
  }

  #announce(): void {
    const { tables } = this.#options;
    const found = this.#present.filter((name) => !tables.includes(name));
    const said = [
      ['Tablecast::node_started', tables],
      ['Tablecast::tables_found', found],
    ] as const;
    for (const [name, wanted] of said) {
      if (name === 'Tablecast::tables_found' && found.length === 0) continue;
      const names: ZeekData = { type: 'vector', data: wanted.map(string) };
      const args = [string(this.#node.name), string(this.#node.id), string(this.#replyTopic), names];
      this.#publish({ topic: 'tablecast/announce/', name, args });
    }
  }

  /** `present_tables`. */
  get #present(): readonly string[] {
    const { tables, finds } = this.#options;
    const listed = tables.filter((table) => this.#node.tables.has(table));
    return finds === true ? [...new Set([...listed, ...this.#node.tables.keys()])] : listed;
  }

  get topics(): readonly string[] {
    return [statusTopic, this.#replyTopic];
  }

  get #replyTopic(): string {
    return `tablecast/node/${this.#node.id}/`;
  }

  handle(event: ZeekEvent): void {
    const [node = '', second = '', third = '', rows = '0', detail = ''] = texts(event);
    if (event.name === 'Tablecast::acknowledged' && second === this.#node.id) this.acknowledged = true;
    if (event.name === 'Tablecast::content_wanted') this.#tell(event);
    if (event.name === 'Tablecast::echo_wanted') this.#echo(event);
    if (event.name === 'Tablecast::descriptions_wanted') this.#describe(node);
    if (event.name === 'Tablecast::refilled')
      this.log.push({ node, table: second, state: 'refilled', rows: Number(third), detail: '' });
    if (event.name === 'Tablecast::status')
      this.log.push({ node, table: second, state: third, rows: Number(rows), detail });
    const isThere = event.name === 'Tablecast::status' && third === 'attached';
    if (isThere && this.#heart !== undefined) this.#beat();
  }

  /** `Cluster::apply_table_change_infos_policy`. */
  hear({ name, args: [header, infos] }: ZeekEvent): void {
    if (name !== tableChangeEvent || header?.type !== 'vector' || infos?.type !== 'vector') return;
    const [table, , node] = header.data;
    if (table?.type !== 'string' || node?.type !== 'string' || !node.data.startsWith('tablecast:')) return;
    const key = `${node.data} ${table.data}`;
    const known = this.#heard.get(key) ?? { node: node.data, table: table.data, changes: 0 };
    known.changes += infos.data.length;
    this.#heard.set(key, known);
  }

  #beat(): void {
    const { name, id, published } = this.#node;
    const rows = this.#present.map((table) => vector(string(table), count(this.#node.size(table))));
    const topics = Array.from(published, ([topic, events]) => vector(string(topic), count(events)));
    const heard = Array.from(this.#heard.values(), ({ node, table, changes }) => {
      return vector(string(node), string(table), count(changes));
    });
    const isNumbered: ZeekData = { type: 'boolean', data: this.#options.unnumbered !== true };
    const args = [string(name), string(id), isNumbered, vector(...rows), vector(...topics), vector(...heard)];
    this.#publish({ topic: 'tablecast/pulse/', name: 'Tablecast::pulse', args });
  }

  #describe(asker: string): void {
    const size = this.#options.describedPerEvent ?? 50;
    const tables = this.#present.map((name) =>
      described(this.#node.table(name), this.#options.finds === true),
    );
    const parts = Math.ceil(tables.length / size);
    for (let part = 0; part < parts; part++) {
      const [name, id] = [this.#node.name, this.#node.id].map(string) as [ZeekData, ZeekData];
      const some = vector(...tables.slice(part * size, (part + 1) * size));
      const args = [name, id, string(asker), count(part + 1), count(parts), some];
      this.#publish({ topic: `tablecast/pulse/${asker}/`, name: 'Tablecast::described', args });
    }
  }

  #echo(event: ZeekEvent): void {
    const [asker = '', number = '0'] = texts(event);
    const args = [string(this.#node.id), string(asker), count(BigInt(number))];
    this.#publish({ topic: `tablecast/pulse/${asker}/`, name: 'Tablecast::echoed', args });
  }

  /** Tells what a table holds: begin, rows, end. */
  #tell(event: ZeekEvent): void {
    const [asker = '', table = '', question = '', most = '0'] = texts(event);
    const { name, id, tables } = this.#node;
    const topic = `tablecast/content/${asker}/${question}/`;
    const known = [string(id), string(table), string(question)];
    let complete = false;
    if (this.#present.includes(table) && tables.has(table)) {
      const rows = this.#node.size(table);
      this.#publish({
        topic,
        name: 'Tablecast::content_begins',
        args: [string(name), ...known, count(rows)],
      });
      const batchSize = this.#options.contentBatchSize ?? 1000;
      if (rows <= Number(most)) complete = this.#node.publishTable(topic, table, batchSize);
    }
    const args: readonly ZeekData[] = [...known, { type: 'boolean', data: complete }];
    this.#publish({ topic, name: 'Tablecast::content_ends', args });
  }

  stop(): void {
    clearInterval(this.#timer);
    clearInterval(this.#heart);
  }
}
