// A NATS server of the demonstration, which ends with the coordinator, however that goes.
import { spawn } from 'node:child_process';
import type { ServerReply } from './nats-server.ts';

const LOG_KEPT = 2000;

function send(reply: ServerReply): void {
  if (process.connected) process.send?.(reply);
}

const [directory = ''] = process.argv.slice(2);
const server = spawn('nats-server', ['-a', '127.0.0.1', '-p', '-1', '-js', '-sd', directory], {
  stdio: ['ignore', 'ignore', 'pipe'],
  // Ctrl-C reaches every process of the terminal; the coordinator decides when this one ends.
  detached: true,
});
let log = '';
server.stderr.setEncoding('utf8').on('data', (text: string) => {
  log = (log + text).slice(-LOG_KEPT);
  const [, address] = /Listening for client connections on (\S+)/.exec(log) ?? [];
  if (address === undefined || !log.includes('Server is ready')) return;
  send({ type: 'ready', servers: `nats://${address}`, pid: server.pid ?? 0 });
});
server.on('error', (error: NodeJS.ErrnoException) => {
  send({ type: 'failed', message: error.code === 'ENOENT' ? 'it is not on the PATH' : error.message });
});
server.on('exit', (code) => {
  send({ type: 'failed', message: `it ended with ${String(code)}: ${log}` });
  process.exit(0);
});
process.on('disconnect', () => {
  if (!server.kill('SIGTERM')) process.exit(0);
});
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
