import { count, string, type ZeekData } from '../../../../src/zeek/protocol/data/zeek-data.ts';
import type { ZeekEvent } from '../../../../src/zeek/protocol/messages.ts';
import type { KnownEvents } from './wire-checks.ts';
import type { ZeekNode } from './zeek-node.ts';

/** The script package in `zeek/`, as far as other programs see it. */
export interface TablecastScriptOptions {
  /** `Tablecast::tables`. */
  readonly tables: readonly string[];
  readonly announceMs: number;
  /** `Tablecast::content_batch_size`; default 1,000. */
  readonly contentBatchSize?: number | undefined;
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
]);

const statusTopic = 'tablecast/status/';

function texts(event: ZeekEvent): readonly string[] {
  return event.args.map((arg) => (arg.type === 'string' || arg.type === 'count' ? String(arg.data) : ''));
}

/** The package in one node: announces its start until it is answered, and writes a log. */
export class TablecastScript {
  readonly log: LogLine[] = [];
  acknowledged = false;
  readonly #node: ZeekNode;
  readonly #options: TablecastScriptOptions;
  readonly #publish: (event: ZeekEvent) => void;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(node: ZeekNode, options: TablecastScriptOptions, publish: (event: ZeekEvent) => void) {
    const { tables, announceMs } = options;
    this.#node = node;
    this.#options = options;
    this.#publish = publish;
    const wanted: ZeekData = { type: 'vector', data: tables.map(string) };
    this.#timer = setInterval(() => {
      if (this.acknowledged) return;
      const args = [string(node.name), string(node.id), string(this.#replyTopic), wanted];
      publish({ topic: 'tablecast/announce/', name: 'Tablecast::node_started', args });
    }, announceMs);
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
    if (event.name === 'Tablecast::refilled')
      this.log.push({ node, table: second, state: 'refilled', rows: Number(third), detail: '' });
    if (event.name === 'Tablecast::status')
      this.log.push({ node, table: second, state: third, rows: Number(rows), detail });
  }

  /** Tells what a table holds: begin, rows, end. */
  #tell(event: ZeekEvent): void {
    const [asker = '', table = '', question = '', most = '0'] = texts(event);
    const { name, id, tables } = this.#node;
    const topic = `tablecast/content/${asker}/${question}/`;
    const known = [string(id), string(table), string(question)];
    let complete = false;
    if (this.#options.tables.includes(table) && tables.has(table)) {
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
  }
}
