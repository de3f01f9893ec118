import * as v from 'valibot';
import { inThousands } from './in-thousands.ts';
import { type CodeSample, type Part, type Said, stepsOf } from './parts.ts';

/** Samples are written as in a program, or as in a file of JSON. */
export type Writing = 'program' | 'json';

/** Says what an option takes, where its schema does not say it well enough: in words, and by a sample. */
export function said<T>(takes: string, sample: unknown): v.MetadataAction<T, { said: Said }> {
  return v.metadata({ said: { takes, sample } satisfies Said });
}

/** Shows a piece of a program as a sample. */
export const code = (text: string): CodeSample => ({ code: text });

/** Returns what a schema takes, in words that follow `takes`. */
export function takesOf(part: Part, given?: unknown): string {
  const steps = stepsOf(part, given);
  const words = saidOf(steps);
  if (words !== undefined) return words.takes;
  const [first] = steps.filter((step) => step.type !== 'custom');
  switch (first?.type) {
    case 'string':
      return textOf(steps);
    case 'number':
      return numberOf(steps);
    case 'bigint':
      return 'a bigint';
    case 'null':
      return 'null';
    case 'boolean':
      return 'true or false';
    case 'literal':
      return literally(first.literal);
    case 'picklist':
      return (first.options ?? []).map(literally).join(' or ');
    case 'array':
      return `a list of ${bound(steps, 'max_length', 'at most ')}${takesOf(first.item as Part)}`;
    case 'union':
      return (first.options as readonly Part[]).map((one) => takesOf(one)).join(', or ');
    default:
      return objectOf(steps);
  }
}

/** Returns a sample of what a schema takes, as it is written. */
export function sampleOf(part: Part, writing: Writing, given?: unknown): string {
  const steps = stepsOf(part, given);
  const words = saidOf(steps);
  if (words !== undefined) return written(words.sample, writing);
  const [first] = steps.filter((step) => step.type !== 'custom');
  switch (first?.type) {
    case 'string':
      return written('text', writing);
    case 'number':
      return String(Math.max(1, Number(requirement(steps, 'min_value') ?? 1)));
    case 'boolean':
      return 'true';
    case 'literal':
      return written(first.literal, writing);
    case 'picklist':
      return written(first.options?.[0], writing);
    case 'array':
      return `[${sampleOf(first.item as Part, writing)}]`;
    case 'union':
      return sampleOf(first.options?.[0] as Part, writing);
    default:
      return sampleOfObject(steps, writing);
  }
}

/** Writes a member with its name. */
export function member(name: string, sample: string, writing: Writing): string {
  const bare = writing === 'program' && /^[A-Za-z_$][\w$]*$/.test(name);
  return `${bare ? name : written(name, writing)}: ${sample}`;
}

function saidOf(steps: readonly Part[]): Said | undefined {
  return steps.findLast((step) => step.metadata?.['said'] !== undefined)?.metadata?.['said'] as
    | Said
    | undefined;
}

function written(sample: unknown, writing: Writing): string {
  if (typeof sample === 'string') {
    const text = JSON.stringify(sample);
    return writing === 'json' ? text : `'${text.slice(1, -1)}'`;
  }
  if (typeof sample !== 'object' || sample === null) return JSON.stringify(sample);
  if ('code' in sample) return String(sample.code);
  if (Array.isArray(sample)) return `[${sample.map((each) => written(each, writing)).join(', ')}]`;
  const members = Object.entries(sample).map(([name, each]) => member(name, written(each, writing), writing));
  return `{ ${members.join(', ')} }`;
}

function literally(value: unknown): string {
  return written(value, 'program');
}

function requirement(steps: readonly Part[], type: string): unknown {
  return steps.find((step) => step.type === type)?.requirement;
}

function bound(steps: readonly Part[], type: string, before: string): string {
  const most = requirement(steps, type);
  return most === undefined ? '' : `${before}${counted(Number(most))}: `;
}

const counted = (count: number): string => (count < 10_000 ? String(count) : inThousands(count));

function textOf(steps: readonly Part[]): string {
  const most = requirement(steps, 'max_length');
  return most === undefined ? 'a text' : `a text of 1 to ${counted(Number(most))} characters`;
}

function numberOf(steps: readonly Part[]): string {
  const isWhole = steps.some(({ type }) => type === 'integer' || type === 'safe_integer');
  const [least, most] = [requirement(steps, 'min_value'), requirement(steps, 'max_value')];
  const from = least === undefined ? '' : ` from ${counted(Number(least))}`;
  const to = most === undefined ? '' : ` to ${counted(Number(most))}`;
  return `a ${isWhole ? 'whole ' : ''}number${from}${to}`;
}

function objectOf(steps: readonly Part[]): string {
  const entries = steps.find((step) => step.entries !== undefined)?.entries;
  const each = steps.find((step) => step.metadata?.['member'] !== undefined)?.metadata?.['member'];
  if (each !== undefined) return `an object whose members are ${takesOf(each as Part)}`;
  const needed = Object.keys(entries ?? {}).filter((name) => !isOptional(entries?.[name] as Part));
  return needed.length === 0 ? 'an object' : `an object with ${needed.join(' and ')}`;
}

function sampleOfObject(steps: readonly Part[], writing: Writing): string {
  const entries = Object.entries(steps.find((step) => step.entries !== undefined)?.entries ?? {});
  const needed = entries.filter(([, part]) => !isOptional(part));
  const shown = needed.length === 0 ? entries.slice(0, 1) : needed;
  const members = shown.map(([name, part]) => member(name, sampleOf(part, writing), writing));
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

const isOptional = (part: Part): boolean => part.type === 'optional';
