import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { alterOptionsSchema } from '../../src/altering/options.ts';
import { configFileSchema } from '../../src/cli/config-file.ts';
import {
  type TableNode,
  type TablecastError,
  alterTable,
  defineTable,
  follow,
  isTablecastError,
  openNode,
  previewAlteration,
} from '../../src/index.ts';
import { simulate } from '../../src/simulation/index.ts';
import { flushSchema } from '../../src/node/flush-options.ts';
import {
  certificateChangeSchema,
  credentialChangeSchema,
  nodeOptionsSchema,
} from '../../src/node/options-schema.ts';
import { checkedOptions, faultOf } from '../../src/options/checked-options.ts';
import type { Part } from '../../src/options/parts.ts';
import { followOptionsSchema } from '../../src/reading/follow.ts';
import { simulationSchema } from '../../src/simulation/options.ts';
import { projectOptionsSchema } from '../../src/sql/options.ts';
import { querySchema } from '../../src/sql/queries/queries.ts';
import { undoOptionsSchema } from '../../src/table/undo.ts';
import { joinOptionsSchema, viewOptionsSchema } from '../../src/views/options.ts';
import { zeekAttachmentSchema } from '../../src/zeek/options.ts';
import { wrongOptions } from './wrong-options.ts';

/** Words of the validator, and of JavaScript, which say nothing to who wrote an option. */
const FOREIGN_WORDS =
  /\b(?:expects|Expected|Invalid|received|Array|Object|Function|undefined|strict|never|NaN,? but|another value)\b|\| |>=|<=|\/\^/;

const takes = (part: Part) => (value: unknown) =>
  value !== undefined && v.is(part as unknown as v.GenericSchema, value);

function refusal(act: () => unknown): TablecastError {
  try {
    act();
  } catch (error) {
    if (isTablecastError(error)) return error;
    throw error;
  }
  throw new Error('It was taken.');
}

const SCHEMAS: Readonly<Record<string, v.GenericSchema>> = {
  openNode: nodeOptionsSchema,
  reloadCredentials: credentialChangeSchema,
  reloadCertificates: certificateChangeSchema,
  attachZeek: zeekAttachmentSchema,
  project: projectOptionsSchema,
  query: querySchema,
  flush: flushSchema,
  view: viewOptionsSchema,
  join: joinOptionsSchema,
  undo: undoOptionsSchema,
  alterTable: alterOptionsSchema,
  follow: followOptionsSchema,
  simulate: simulationSchema,
};

describe.each(Object.entries(SCHEMAS))('every option of %s', (name, schema) => {
  const wrong = wrongOptions(schema, takes);

  test('that is of a wrong shape is refused by its path, in words and with an example', () => {
    expect(wrong.length, name).toBeGreaterThan(20);
    for (const { path, options, isHollow } of wrong) {
      const { code, message, hint, details } = refusal(() => checkedOptions(schema, options));
      const told = `${message} ${hint}`;
      expect(code).toBe('OPTION_INVALID');
      expect(isAt(path === '' ? 'options' : path, details.option, isHollow), `${path}: ${told}`).toBe(true);
      expect(message).toMatch(
        message.startsWith('The options have') ? /^The options / : `Option ${details.option} `,
      );
      expect(told).not.toMatch(FOREIGN_WORDS);
      expect(told).not.toContain('hunter2');
      expect(hint).toMatch(/^(?:For example: \S|Options are \S|Members of \S+ are \S)/);
    }
  });
});

/** True when an error names the option at fault, or something inside of what was given for it. */
function isAt(path: string, named: string | undefined, isHollow: boolean): boolean {
  if (named === path) return true;
  return isHollow && (path === '' || path === 'options' || named?.startsWith(`${path}.`) === true);
}

test('every member of a configuration file is refused in the same way, with an example in JSON', () => {
  const wrong = wrongOptions(configFileSchema, takes).filter(({ options }) => isJson(options));
  expect(wrong.length).toBeGreaterThan(500);
  for (const { path, options, isHollow } of wrong) {
    const result = v.safeParse(configFileSchema, options);
    expect.assert(!result.success, `${path} of ${JSON.stringify(options)} is taken`);
    const fault = faultOf(configFileSchema, options, result.issues[0], 'json');
    const told = `${fault.problem} ${fault.hint}`;
    expect(isAt(path, fault.path, isHollow), `${path}: ${told}`).toBe(true);
    expect(told).not.toMatch(FOREIGN_WORDS);
    const [, example] = /^For example: (.+)\.$/s.exec(fault.hint) ?? [];
    if (example !== undefined) expect(() => void JSON.parse(inBraces(example)), example).not.toThrow();
    else expect(fault.hint).toMatch(/^(?:Options|Members of \S+) are \S/);
  }
});

const inBraces = (example: string): string => (example.startsWith('{') ? example : `{ ${example} }`);

function isJson(value: unknown): boolean {
  try {
    const text = JSON.stringify(value) as string | undefined;
    return (
      text !== undefined && !text.includes('null') && !(value instanceof Map) && same(value, JSON.parse(text))
    );
  } catch {
    return false;
  }
}

function same(one: unknown, other: unknown): boolean {
  try {
    expect(one).toStrictEqual(other);
    return true;
  } catch {
    return false;
  }
}

/** Each call that takes options, as JavaScript calls it. */
const CALLS: Readonly<Record<string, (node: TableNode, options: never) => unknown>> = {
  openNode: (_, options) => openNode(options),
  'openNode, nested': (_, options) => openNode({ id: 'b', limits: options }),
  'node.table': (node, options) => node.table('u', options),
  'node.table of a definition': (node, options) => node.table(defineTable('d', { key: 'string' }), options),
  reloadCredentials: (node, options) => node.reloadCredentials(options),
  reloadCertificates: (node, options) => node.reloadCertificates(options),
  attachZeek: (node, options) => node.attachZeek(options),
  project: (node, options) => node.project('t', options),
  query: (node, options) => node.query('SELECT 1', [], options),
  'parameters of query': (node, options) => node.query('SELECT 1', options),
  flush: (node, options) => node.flush(options),
  view: (node, options) => node.table('t', counts).view(options),
  join: (node, options) => node.table('t', counts).join(node.table('t', counts), options),
  undo: (node, options) => node.table('t', counts).undo(options),
  alterTable: (node, options) => alterTable(node, options),
  previewAlteration: (node, options) => previewAlteration(node, options),
  follow: (node, options) => follow(node.events, options),
  simulate: (_, options) => simulate(options),
};

const counts = { key: 'string', value: 'count' } as const;

describe.each(Object.entries(CALLS))('%s', (name, call) => {
  test.each([[[7]], [{ unheardOf: 1 }], [7], ['text'], [null], [new Map([['id', 1]])]])(
    'refuses %j, and says what it takes',
    async (options) => {
      await using node = await openNode({ id: 'a' });
      const error: unknown = await Promise.resolve()
        .then(() => call(node, options as never))
        .then(
          () => undefined,
          (reason: unknown) => reason,
        );
      expect.assert(isTablecastError(error), `${name} took it`);
      expect(['OPTION_INVALID', 'DECLARATION_INVALID']).toContain(error.code);
      expect(`${error.message} ${error.hint}`).not.toMatch(FOREIGN_WORDS);
      expect(error.hint).toMatch(/For example|such as|are \S/);
    },
  );
});
