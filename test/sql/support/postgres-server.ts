import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../support/free-port.ts';

const INSTALLED = '/usr/lib/postgresql';
const TRIES = 600;

/** A server of PostgreSQL of a test's own, on a loopback port and in a temporary directory. */
export interface PostgresServer {
  /** Makes an empty database and gives its address. */
  database(): Promise<string>;
  /** Kills it and everything it started, as a power loss would; {@link start} begins it again. */
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** The directory of the programs; undefined where PostgreSQL is not installed. */
function postgresPrograms(): string | undefined {
  if (!existsSync(INSTALLED)) return undefined;
  const [newest] = readdirSync(INSTALLED).toSorted((a, b) => Number(b) - Number(a));
  return newest === undefined ? undefined : join(INSTALLED, newest, 'bin');
}

/** Whether tests of PostgreSQL run; where it has to be installed, they do in any case, and fail without. */
export const hasPostgres: boolean =
  postgresPrograms() !== undefined || process.env['TABLECAST_NEEDS_POSTGRES'] === '1';

/** PostgreSQL does not run as root: then it runs as the user Debian made for it. */
function owner(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** Starts a server. Throws where PostgreSQL is not installed. */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error('PostgreSQL is not installed: apt-get install postgresql');
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-postgres-'));
  const user = owner();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(directory, user.uid, user.gid);
  const data = join(directory, 'data');
  execFileSync(
    join(programs, 'initdb'),
    ['-D', data, '-U', 'tablecast', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
    {
      ...user,
      cwd: directory,
      stdio: 'ignore',
    },
  );
  const port = await freePort();
  const server = new RunningServer({ programs, directory, data, port, user });
  await server.start();
  return server;
}

interface Place {
  readonly programs: string;
  readonly directory: string;
  readonly data: string;
  readonly port: number;
  readonly user: { uid?: number; gid?: number };
}

class RunningServer implements PostgresServer {
  readonly #place: Place;
  #process: ChildProcess | undefined;
  #databases = 0;

  constructor(place: Place) {
    this.#place = place;
  }

  #url(database: string): string {
    return `postgres://tablecast@127.0.0.1:${this.#place.port}/${database}`;
  }

  async start(): Promise<void> {
    const { programs, data, port, directory, user } = this.#place;
    const settings = ['listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${directory}`];
    const flags = [...settings, 'shared_buffers=32MB', 'max_wal_size=256MB'].flatMap((setting) => [
      '-c',
      setting,
    ]);
    this.#process = spawn(join(programs, 'postgres'), ['-D', data, ...flags], {
      ...user,
      cwd: directory,
      detached: true,
      stdio: 'ignore',
    });
    for (let attempt = 0; attempt < TRIES; attempt++) {
      if (await this.#answers()) return;
      if (this.#process.exitCode !== null) throw new Error(`postgres ended with ${this.#process.exitCode}`);
    }
    throw new Error('postgres does not answer');
  }

  /** Asks once; while it starts it refuses, which takes a moment. */
  async #answers(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.#url('postgres'), connectionTimeoutMillis: 1000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return true;
    } catch {
      // Nobody tells when it is ready: it is asked again in a while.
      await new Promise((resolve) => setTimeout(resolve, 50));
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async database(): Promise<string> {
    const name = `d${++this.#databases}`;
    const client = new pg.Client({ connectionString: this.#url('postgres') });
    await client.connect();
    await client.query(`CREATE DATABASE ${name}`);
    await client.end();
    return this.#url(name);
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.pid === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    // Its processes are its group's.
    process.kill(-child.pid, 'SIGKILL');
    await ended;
  }

  async close(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child !== undefined && child.exitCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGINT');
      await ended;
    }
    rmSync(this.#place.directory, { recursive: true, force: true });
  }
}
