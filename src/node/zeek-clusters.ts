import { TablecastError } from '../errors.ts';
import { LocalZeekHost, type ZeekHostParts } from './hosts/local-zeek-host.ts';
import { LiveAttachment } from '../zeek/attachment/attachment.ts';
import type { ZeekAttachment } from '../zeek/attachment/zeek-attachment.ts';
import type { ZeekAttachmentOptions } from '../zeek/options.ts';

/** A Zeek cluster as it is at one moment. */
export interface PresentCluster {
  readonly name: string;
  readonly address: string;
  readonly state: string;
  readonly tables: readonly string[];
  /** Counts what was missed of tables and is not made good, by table; 1 where the number is not known. */
  readonly missed: Readonly<Record<string, number>>;
}

/** The Zeek clusters that one node is attached to. */
export class ZeekClusters {
  readonly #host: LocalZeekHost;
  readonly #attachments = new Map<string, LiveAttachment>();

  constructor(parts: ZeekHostParts) {
    this.#host = new LocalZeekHost(parts);
  }

  /** Attaches to one cluster. Throws `OPTION_INVALID` for a second one of the same name. */
  attach(options: ZeekAttachmentOptions): ZeekAttachment {
    const name = options.cluster ?? '';
    if (this.#attachments.has(name)) {
      const which = name === '' ? 'a Zeek cluster without a name' : `the Zeek cluster ${name}`;
      throw new TablecastError('OPTION_INVALID', `This node is attached to ${which} already.`, {
        hint: 'Give each cluster another name: attachZeek({ cluster: … }).',
        details: { option: 'zeek.cluster', cluster: name },
      });
    }
    const attachment = new LiveAttachment(this.#host, options);
    this.#attachments.set(name, attachment);
    attachment.state.subscribe({ complete: () => this.#attachments.delete(name) });
    return attachment;
  }

  /** Lists the clusters the node is attached to, and how the connection with each stands now. */
  present(): readonly PresentCluster[] {
    return Array.from(this.#attachments.values(), (attachment) => {
      const { cluster, address, state } = attachment;
      let kind = '';
      state.subscribe((now) => (kind = now.kind)).unsubscribe();
      const tables = [...attachment.tables.keys()];
      const counts = tables.map((table) => [table, attachment.missed(table)] as const);
      const missed = Object.fromEntries(counts.filter(([, count]) => count > 0));
      return { name: cluster ?? 'zeek', address, state: kind, tables, missed };
    });
  }

  /** Counts what was missed of a table, of all clusters, and is not made good. */
  missed(table: string): number {
    const counts = Array.from(this.#attachments.values(), (attachment) => attachment.missed(table));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** More of the log became durable. */
  advanced(): void {
    for (const attachment of this.#attachments.values()) attachment.advanced();
  }

  /** From now on nothing that Zeek says is taken. */
  stopListening(): void {
    for (const attachment of this.#attachments.values()) attachment.stopListening();
  }

  async close(): Promise<void> {
    await Promise.allSettled(Array.from(this.#attachments.values(), (attachment) => attachment.close()));
    this.#host.close();
  }
}
