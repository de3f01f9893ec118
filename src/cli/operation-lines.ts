import { colors } from './colors.ts';
import { hanging, terminalWidth } from './drawn-rows.ts';
import { visible } from './output.ts';
import type { RowText } from './row-text.ts';

/** An operation as it is printed. */
export interface PrintedOperation {
  readonly position: number;
  readonly table: string;
  readonly origin: string;
  readonly sequence: number;
  readonly kind: string;
  readonly key: unknown;
  readonly value: unknown;
  /** In milliseconds since 1970. */
  readonly time: number;
}

/** An operation as a line of JSON; of a table that is not known without key and value. */
export function operationJson(operation: PrintedOperation, text: RowText | undefined): string {
  const { position, table, origin, sequence, kind, key, value, time } = operation;
  const hasKey = key !== undefined && text !== undefined;
  const head = JSON.stringify({ position, table, origin, sequence, kind, time }).slice(0, -1);
  const keyPart = hasKey ? `,"key":${text.keyJson(key)}` : '';
  const ofKey = value === undefined || !hasKey ? '' : `,"value":${text.valueJson(value)}`;
  const valuePart = kind === 'switch' ? `,"value":${JSON.stringify(value)}` : ofKey;
  return `${head}${keyPart}${valuePart}}\n`;
}

/** An operation as a line for people: where it stands, what it did and to what, when and by whom. */
export function operationLine(operation: PrintedOperation, text: RowText | undefined): string {
  const { position, kind, origin, sequence, time, key, value } = operation;
  const ofKey = key === undefined || text === undefined ? [] : [text.keyText(key), text.valueText(value)];
  const row = kind === 'switch' ? [visible(String(value))] : ofKey.filter((part) => part !== '');
  const by = colors.dim(`${new Date(time).toISOString()} ${visible(origin)} ${sequence}`);
  const line = [String(position).padStart(6), kind.padEnd(9), operation.table, ...row, by].join('  ');
  return `${hanging(line, terminalWidth())}\n`;
}
