import { type Command, Option } from 'commander';
import { NODE_EVENT_CODES, type NodeEvent } from '../index.ts';
import { colors } from './colors.ts';
import { isCommandId } from './command-id.ts';
import { escapedJson } from './formats/marks.ts';
import { visible } from './output.ts';

/** Lists what commands log beside the events of their node; documented in docs/operations.md. Stable. */
export const COMMAND_CODES = [
  'started',
  'closing',
  'closed',
  'conflict',
  'output-slow',
  'reloaded',
  'reload-failed',
] as const;

/** A format says how log lines are written. */
export type LogFormat = 'text' | 'json';

/** One thing that is logged. */
export type LogEvent = Omit<NodeEvent, 'code'> & {
  readonly code: NodeEvent['code'] | (typeof COMMAND_CODES)[number];
};

/** No line is longer, in characters: what is beyond it is cut off, in JSON the details and the end of the message. */
const MAX_LINE = 16_384;
/** Bounds what is left of a message then: escaped, each of its characters may take six. */
const CUT_MESSAGE = 1024;
/** So much waits for the reader of a log. */
const MAX_WAITING_BYTES: number = 1024 * 1024;

/** Adds the option of everything that runs until it is told to stop. */
export function withLogFormat(command: Command): Command {
  return command.addOption(
    new Option('--log-format <format>', 'one line per event, as text or as JSON with stable codes')
      .choices(['text', 'json'])
      .env('TABLECAST_LOG_FORMAT'),
  );
}

/** Returns one event as one line, without a line break. Control characters are escaped; nothing of a row is in it. */
export function logLine(event: LogEvent, format: LogFormat, time: Date = new Date()): string {
  const told = withoutRows(event);
  return format === 'json' ? jsonLine(told, time) : textLine(told, time);
}

/** An output says where lines go, and how many bytes of them wait there to be read. */
interface LogOutput {
  readonly writableLength: number;
  write(text: string): unknown;
}

/**
 * Logs events as lines. While more than 1 MiB waits for their reader, further lines are left out; the
 * next one that is not is preceded by one that says how many were (`output-slow`).
 */
export function logTo(output: LogOutput, format: LogFormat): (event: LogEvent) => void {
  let missing = 0;
  return (event) => {
    if (output.writableLength > MAX_WAITING_BYTES) {
      missing++;
      return;
    }
    if (missing > 0) {
      const message = `${missing} lines were left out: they come faster than the output is read`;
      output.write(`${logLine({ code: 'output-slow', severity: 'warning', message }, format)}\n`);
      missing = 0;
    }
    output.write(`${logLine(event, format)}\n`);
  };
}

/**
 * Says whether an event is only that a command came, or left as it meant to: of each there would be two lines, whatever
 * it does. What is wrong with one is told.
 */
export function isCommandPassing({ code, severity, peer }: NodeEvent): boolean {
  return (code === 'peer-connected' || code === 'peer-lost') && severity === 'info' && isCommandId(peer);
}

/** Some events show rows as examples, in `details.examples` and their message: logs are kept and passed on. */
function withoutRows(event: LogEvent): LogEvent {
  const { examples, what, ...details } = event.details ?? {};
  if (examples === undefined) return event;
  const count = typeof details['count'] === 'number' ? `, ${details['count']} times` : '';
  return { ...event, message: `${typeof what === 'string' ? what : event.code}${count}.`, details };
}

function textLine({ code, severity, message }: LogEvent, time: Date): string {
  const colour = { info: colors.dim, warning: colors.yellow, error: colors.red }[severity];
  const head = `${time.toISOString()} ${colour(severity.padEnd(7))} ${code}: `;
  const help = severity !== 'info' && isNodeCode(code) ? colors.dim(` [tablecast explain ${code}]`) : '';
  const room = MAX_LINE - head.length - help.length;
  return head + visible(message.slice(0, MAX_LINE)).slice(0, room) + help;
}

function isNodeCode(code: LogEvent['code']): boolean {
  return NODE_EVENT_CODES.some((known) => known === code);
}

function jsonLine({ code, severity, message, table, peer, details }: LogEvent, time: Date): string {
  const head = {
    time: time.toISOString(),
    severity,
    code,
    message: message.slice(0, MAX_LINE / 4),
    table,
    peer,
  };
  const line = escapedJson(JSON.stringify({ ...head, details }, bigintAsText));
  if (line.length <= MAX_LINE) return line;
  const cut = { ...head, message: message.slice(0, CUT_MESSAGE), details: { leftOut: line.length } };
  return escapedJson(JSON.stringify(cut));
}

function bigintAsText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
