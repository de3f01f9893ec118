import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { compileZeekTable } from '../../src/zeek/protocol/index.ts';
import { freePort } from '../support/free-port.ts';
import { rowsOf } from './cluster.ts';
import { StandIn } from './protocol/stand-in/server.ts';
import { ZeekProcess } from './real/zeek-process.ts';

/** The Zeek of the guide, which has one table. */
export interface ZeekOfGuide {
  /** Where its WebSocket server listens. */
  readonly port: number;
  /** Counts how often it was started. */
  readonly starts: number;
  /** Starts it with site.zeek of a folder, after it ended if it runs. */
  start(folder: string): Promise<void>;
  /** Looks at a script without running it. */
  check(folder: string, args: readonly string[]): Promise<void>;
  rows(): Promise<ReadonlyMap<string, unknown>>;
  stop(): Promise<void>;
}

const declared = /^\tglobal (\w+): (.+?) &publish_on_change=Tablecast::replicated;$/m;

/** A stand-in with the table that the script of the page declares. */
export class StandInOfGuide implements ZeekOfGuide {
  readonly port: number;
  starts = 0;
  readonly #standIn: StandIn;
  readonly #table: string;

  private constructor(standIn: StandIn, table: string) {
    this.#standIn = standIn;
    this.#table = table;
    this.port = Number(new URL(standIn.url).port);
  }

  static async of(page: string): Promise<StandInOfGuide> {
    const [, name = '', type = ''] = declared.exec(page) ?? [];
    const table = `Site::${name}`;
    const standIn = new StandIn({
      tables: [
        {
          table: compileZeekTable(table, { type }),
          publish: { changes: ['new', 'changed', 'removed', 'expired'] },
        },
      ],
      tablecast: { tables: [table], announceMs: 30, pulseMs: 50 },
      pingMs: 200,
    });
    await standIn.listen();
    const guide = new StandInOfGuide(standIn, table);
    await standIn.close('crash');
    return guide;
  }

  async start(): Promise<void> {
    this.starts += 1;
    await this.#standIn.restart();
  }

  /** A stand-in runs no script: it sees that the table that is kept is the one that is published. */
  async check(folder: string, [flag, file = '']: readonly string[]): Promise<void> {
    const script = readFileSync(join(folder, file), 'utf8');
    readFileSync(join(folder, 'tablecast/tablecast.zeek'));
    const [, kept] = /Tablecast::tables \+= \{ "([^"]+)" \}/.exec(script) ?? [];
    const [, module = '', name = ''] =
      /^module (\w+);[^]*^\tglobal (\w+): .* &publish_on_change/m.exec(script) ?? [];
    if (flag !== '--parse-only' || kept !== `${module}::${name}`) throw new Error(`${file} does not fit`);
    await Promise.resolve();
  }

  async rows(): Promise<ReadonlyMap<string, unknown>> {
    await Promise.resolve();
    return rowsOf(this.#standIn, 'zeek', this.#table);
  }

  stop(): Promise<void> {
    return this.#standIn.stop();
  }
}

/** What a test loads beside the script of the page, to see its table. Zeek prints a tab as \x09. */
const LOOK = `event look()
	{
	local rows = open("rows.part");
	for ( host, why in Site::blocked )
		print rows, fmt("%s|%s", host, why);
	close(rows);
	rename("rows.part", "rows");
	schedule 200msec { look() };
	}

event zeek_init()
	{
	schedule 100msec { look() };
	}
`;

/** A real Zeek in one process. */
export class GuideZeek implements ZeekOfGuide {
  readonly port: number;
  starts = 0;
  readonly #binary: string;
  #folder = '';
  #process: ZeekProcess | undefined;

  private constructor(binary: string, port: number) {
    this.#binary = binary;
    this.port = port;
  }

  static async of(binary: string): Promise<GuideZeek> {
    return new GuideZeek(binary, await freePort());
  }

  async start(folder: string): Promise<void> {
    await this.#process?.end();
    this.starts += 1;
    this.#folder = folder;
    writeFileSync(join(folder, 'look.zeek'), LOOK);
    writeFileSync(join(folder, 'rows'), '');
    const env = { ...process.env, ZEEK_WEBSOCKET_LISTEN_PORT: String(this.port) };
    const args = ['site.zeek', 'look.zeek'];
    this.#process = new ZeekProcess('zeek', { binary: this.#binary, args, cwd: folder, env });
  }

  async check(folder: string, args: readonly string[]): Promise<void> {
    execFileSync(this.#binary, args, { cwd: folder, stdio: 'pipe' });
    await Promise.resolve();
  }

  async rows(): Promise<ReadonlyMap<string, unknown>> {
    await Promise.race([this.#process?.lost, Promise.resolve()]);
    const lines = readFileSync(join(this.#folder, 'rows'), 'utf8').split('\n');
    return new Map(lines.filter((line) => line !== '').map((line) => line.split('|') as [string, string]));
  }

  async stop(): Promise<void> {
    await this.#process?.end();
  }
}
