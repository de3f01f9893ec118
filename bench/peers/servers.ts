import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { pause } from '../clock.ts';

/** A server program that runs for one sample. */
export interface Served {
  readonly port: number;
  readonly pid: number;
  stop(): void;
}

/** Starts a program on a free port of this machine and waits until it accepts connections. */
export async function serve(
  program: string,
  argumentsOf: (port: number) => readonly string[],
  directory: string,
): Promise<Served> {
  mkdirSync(directory, { recursive: true });
  const port = await freePort();
  const child: ChildProcess = spawn(program, argumentsOf(port), { cwd: directory, stdio: 'ignore' });
  process.on('exit', () => child.kill('SIGKILL'));
  for (let tries = 0; tries < 100; tries++) {
    if (await accepts(port)) return { port, pid: child.pid as number, stop: () => child.kill('SIGKILL') };
    await pause(50);
  }
  throw new Error(`${program} does not accept connections.`);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
