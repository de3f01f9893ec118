import { type Command, Option } from 'commander';
import type { NodeEvent } from '../index.ts';
import { colors } from './colors.ts';
import { visible } from './output.ts';

/** What commands log beside the events of their node; documented in docs/operations.md. Stable. */
export const COMMAND_CODES = [
  'started',
  'closing',
  'closed',
  'conflict',
  'output-slow',
  'reloaded',
  'reload-failed',
] as const;

/** How log lines are written. */
export type LogFormat = 'text' | 'json';

/** One thing that is logged. */
export type LogEvent = Omit<NodeEvent, 'code'> & {
  readonly code: NodeEvent['code'] | (typeof COMMAND_CODES)[number];
};

/** A line longer than this loses its details, and a message what is beyond a quarter of it. */
const MAX_LINE = 16_384;

/** The option of everything that runs until it is told to stop. */
export function withLogFormat(command: Command): Command {
  return command.addOption(
    new Option('--log-format <format>', 'one line per event, as text or as JSON with stable codes')
      .choices(['text', 'json'])
      .env('TABLECAST_LOG_FORMAT'),
  );
}

/** One event as one line, without a line break. Control characters are escaped; nothing of a row is in it. */
export function logLine(event: LogEvent, format: LogFormat, time: Date = new Date()): string {
  const told = withoutRows(event);
  return format === 'json' ? jsonLine(told, time) : textLine(told, time);
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
  return `${time.toISOString()} ${colour(severity.padEnd(7))} ${code}: ${visible(message.slice(0, MAX_LINE))}`;
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
  const line = JSON.stringify({ ...head, details }, bigintAsText);
  return escaped(
    line.length <= MAX_LINE ? line : JSON.stringify({ ...head, details: { leftOut: line.length } }),
  );
}

function bigintAsText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** What JSON would leave as it is and a terminal or a log reader would act upon; only texts can hold it. */
function escaped(json: string): string {
  return json.replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (mark) => {
    return `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
