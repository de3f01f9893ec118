// The real Zeek processes of zeek-load-real.ts.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { count, string, type ZeekData } from '../../src/zeek/protocol/data/zeek-data.ts';
import { connectZeek, type ZeekClient, type ZeekEvent, writeEvent } from '../../src/zeek/protocol/index.ts';
import { testEnvironment } from '../../test/zeek/protocol/test-environment.ts';
import { ZeekProcess } from '../../test/zeek/real/zeek-process.ts';
import { freePort } from '../../test/support/free-port.ts';

const packageScript = fileURLToPath(new URL('../../zeek/tablecast.zeek', import.meta.url));
const loadScript = fileURLToPath(new URL('zeek-load-real.zeek', import.meta.url));
const ANSWER_MS = 10_000;

/** What a Zeek node said of itself. */
export interface Told {
  readonly size: number;
  readonly wrote: number;
  readonly heard: number;
  /** Microseconds on the way, and how many changes took about so long, in ascending order. */
  readonly delays: readonly (readonly [micros: number, changes: number])[];
}

/** Processes over ZeroMQ, the manager with the WebSocket server: with no workers it is alone, and no cluster. */
export class LoadCluster {
  readonly url: string;
  readonly #directory: string;
  readonly #client: ZeekClient;
  readonly #processes: readonly ZeekProcess[];
  readonly #heardOf = new Map<string, (name: string, told: Told) => void>();
  #asked = 0;

  private constructor(directory: string, port: number, processes: readonly ZeekProcess[]) {
    this.#directory = directory;
    this.#processes = processes;
    this.url = `ws://127.0.0.1:${port}`;
    this.#client = connectZeek(
      { url: this.url, topics: ['load/out/'], environment: testEnvironment },
      { event: (event) => this.#heard(event), state: () => {}, drain: () => {}, problem: () => {} },
    );
  }

  static async start(zeek: string, workers: number): Promise<LoadCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'tablecast-zeek-load-'));
    const port = await freePort();
    const names = Array.from({ length: workers }, (_, at) => `worker-${at + 1}`);
    const nodes = workers === 0 ? [''] : ['manager', 'logger', ...names];
    await writeFile(join(directory, 'layout.zeek'), await layout(names));
    if (workers > 0)
      await writeFile(join(directory, 'cluster-layout.zeek'), nodeTable(names, await freePort()));
    const processes = nodes.map((node) => {
      const args = ['frameworks/cluster/backend/zeromq', './layout.zeek', packageScript, loadScript];
      if (node === nodes[0]) args.splice(2, 0, 'frameworks/cluster/websocket/server');
      const { CLUSTER_NODE: _, ...environment } = process.env;
      const env = {
        ...environment,
        ...(node === '' ? {} : { CLUSTER_NODE: node }),
        ZEEK_WEBSOCKET_LISTEN_PORT: String(port),
      };
      return new ZeekProcess(node, { binary: zeek, args, cwd: directory, env });
    });
    const cluster = new LoadCluster(directory, port, processes);
    while ((await cluster.ask(500)).size < (workers === 0 ? 1 : workers + 2)) await Promise.resolve();
    return cluster;
  }

  #heard({ name, args }: ZeekEvent): void {
    const [nonce, node, size, wrote, heard, buckets, changes] = args;
    if (name !== 'Load::told' || nonce?.type !== 'string' || node?.type !== 'string') return;
    const counts = countsOf(changes);
    const delays = countsOf(buckets)
      .map((bucket, at) => [1.05 ** bucket, counts[at] ?? 0] as const)
      .toSorted(([a], [b]) => a - b);
    const [rows, written, arrived] = [size, wrote, heard].map((data) => countOf(data));
    this.#heardOf.get(nonce.data)?.(node.data, {
      size: rows ?? 0,
      wrote: written ?? 0,
      heard: arrived ?? 0,
      delays,
    });
  }

  /** What each node says that answers within that time, by its name; the first is asked for in vain when it ended. */
  async ask(patienceMs = ANSWER_MS, howMany = Infinity): Promise<ReadonlyMap<string, Told>> {
    const nonce = `${++this.#asked}`;
    const answers = new Map<string, Told>();
    await Promise.race([
      ...this.#processes.map(({ lost }) => lost),
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patienceMs);
        this.#heardOf.set(nonce, (name, told) => {
          answers.set(name, told);
          if (answers.size < howMany) return;
          clearTimeout(timer);
          resolve();
        });
        this.send('ask', string(nonce));
      }),
    ]);
    this.#heardOf.delete(nonce);
    return answers;
  }

  send(event: string, ...args: readonly ZeekData[]): void {
    this.#client.send(writeEvent({ topic: 'load/cmd/', name: `Load::${event}`, args }));
  }

  /** Each worker begins to write so many changes a second, and so many in all. */
  write(rate: number, total: number): void {
    this.send('write', { type: 'real', data: rate }, count(total));
  }

  async stop(): Promise<void> {
    await this.#client.close();
    for (const process of this.#processes) await process.end();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function countOf(data: ZeekData | undefined): number {
  return data?.type === 'count' ? Number(data.data) : 0;
}

function countsOf(data: ZeekData | undefined): readonly number[] {
  return data?.type === 'vector' ? data.data.map((member) => countOf(member)) : [];
}

async function layout(workers: readonly string[]): Promise<string> {
  if (workers.length === 0) {
    const [xpub, xsub] = [await freePort(), await freePort()];
    return `redef Cluster::Backend::ZeroMQ::run_proxy_thread = T;\n${endpoints(xpub, xsub)}`;
  }
  return endpoints(await freePort(), await freePort());
}

function endpoints(xpub: number, xsub: number): string {
  return `redef Cluster::Backend::ZeroMQ::listen_xpub_endpoint = "tcp://127.0.0.1:${xpub}";
redef Cluster::Backend::ZeroMQ::connect_xsub_endpoint = "tcp://127.0.0.1:${xpub}";
redef Cluster::Backend::ZeroMQ::listen_xsub_endpoint = "tcp://127.0.0.1:${xsub}";
redef Cluster::Backend::ZeroMQ::connect_xpub_endpoint = "tcp://127.0.0.1:${xsub}";
`;
}

function nodeTable(workers: readonly string[], loggerPort: number): string {
  const lines = workers.map((name) => `\t["${name}"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1],\n`);
  return `redef Cluster::manager_is_logger = F;
redef Cluster::nodes = {
	["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1],
	["logger"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=${loggerPort}/tcp],
${lines.join('')}};
`;
}
