import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openNode } from 'tablecast';
import { describe, expect, test } from 'vitest';
import { readConfigFile } from '../../src/cli/config-file.ts';
import { nodeOptions, runConfig, shownConfig, withoutValues } from '../../src/cli/run-config.ts';
import { checkOptions } from '../../src/node/options.ts';
import { run, temporary } from './support/command.ts';
import { exactly } from '../../src/schema/exactly.ts';

const SECRET = 'correct-horse battery staple, and so on for much longer than is ever shown of any value';

/** What a configuration with a mistake is refused with, by the program without a process of its own. */
async function refusal(content: unknown): Promise<string> {
  const file = join(temporary(), 'c.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  try {
    const config = runConfig({ config: file });
    try {
      const { id, limits, retention, zeek } = checkOptions(nodeOptions(config));
      const { tables } = config;
      const node = await openNode({ id, limits, retention, zeek });
      try {
        for (const [name, declaration] of Object.entries(tables)) node.table(name, exactly(declaration));
      } finally {
        await node.close();
      }
    } catch (error) {
      throw withoutValues(error, config);
    }
  } catch (error) {
    return JSON.stringify([(error as Error).message, (error as { hint?: string }).hint]);
  }
  throw new Error('not refused');
}

describe('a mistake in a configuration is told without what stands there', () => {
  const zeek = { url: 'ws://127.0.0.1:1', tables: {} };
  test.each([
    { auth: SECRET },
    { auth: [SECRET] },
    { auth: { token: { value: SECRET } } },
    { auth: { credentials: SECRET } },
    { auth: { credentials: [{ name: 'a', nodes: SECRET }] } },
    { id: SECRET },
    { durability: SECRET },
    { limits: { maxPeers: SECRET } },
    { retention: { age: SECRET } },
    { peers: [`ws://${encodeURIComponent(SECRET)}@hub`] },
    { peers: [`ws://hub/?token=${encodeURIComponent(SECRET)}`] },
    { peers: [SECRET] },
    { tables: { hosts: SECRET } },
    { tables: { hosts: { key: SECRET } } },
    { tables: { hosts: { key: 'addr', value: SECRET } } },
    { tables: { hosts: { key: 'addr', mode: SECRET } } },
    { tables: { hosts: { key: 'addr', writeExpire: SECRET } } },
    { tables: { hosts: { key: 'addr', value: 'count', default: SECRET } } },
    { zeek: { ...zeek, url: SECRET } },
    { zeek: { ...zeek, url: `ws://127.0.0.1:1/?token=${encodeURIComponent(SECRET)}` } },
    { nats: { servers: [`nats://user:${encodeURIComponent(SECRET)}@hub`], group: 'g' } },
    { nats: { servers: 'nats://hub', group: SECRET } },
    { sql: `POSTGRES://user:${SECRET}@hub/db` },
    { sql: `postgres:user:${SECRET}@hub/db` },
    { sql: `host=hub password=${SECRET}` },
    { sql: `mysql://user:${SECRET}@hub/db` },
    { zeek: { ...zeek, tables: { hosts: { type: SECRET } } } },
    { zeek: { ...zeek, tables: { hosts: { type: 'set[addr]', mode: SECRET } } } },
    { zeek: { ...zeek, timings: { silenceMs: SECRET } } },
    `{ "auth": { "token": "${SECRET}" "id": 1 } }`,
    `{ "auth": { "token": ${SECRET} } }`,
    `{ "auth": "${SECRET}`,
    `token: ${SECRET}`,
    `"${SECRET}"`,
  ])('%j', async (content) => {
    const told = await refusal(content);
    for (const part of ['correct', 'battery', 'staple']) expect(told).not.toContain(part);
  });

  test('also by a program: an address of a peer that may hold a secret is refused, and not repeated', async () => {
    for (const address of ['ws://u:correct@hub', 'ws://hub/?token=correct', 'wss://hub/tablecast#correct']) {
      const opening = openNode({ id: 'n', peers: ['ws://127.0.0.1:9', address] });
      await expect(opening).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: 'Option peers.1 carries credentials, a query or a fragment.',
      });
    }
  });

  test('but with line and column', async () => {
    expect(await refusal('{\n  "id": "a",\n  "auth": { "token": "x" "id": 1 }\n}')).toContain(
      "line 3, column 26 expects ',' or '}'",
    );
  });

  test('also where an option is misspelt', async () => {
    const { code, stderr } = await run(['run', '--tokne=correct', '--json']);
    expect(code).toBe(2);
    expect(stderr).toContain("unknown option '--tokne=…'");
    expect(stderr).not.toContain('correct');
  });
});

describe('tables of any name', () => {
  const names = ['constructor', 'prototype', '__proto__', 'toString', 'hasOwnProperty'];

  test('are taken from a configuration, also those of a Zeek cluster', async () => {
    const file = join(temporary(), 'c.json');
    const members = (of: string) => names.map((name) => `"${name}": ${of}`).join(', ');
    writeFileSync(file, `{ "tables": { ${members('{ "key": "addr" }')} } }`);
    const config = runConfig({ config: file });
    expect(Object.keys(config.tables)).toEqual(names);
    const { code, stdout } = await run(['run', '--check-config', '--json', '--config', file]);
    expect(code).toBe(0);
    for (const name of names) expect(stdout).toContain(`"${name}":{"key":"addr"`);
    writeFileSync(
      file,
      `{ "zeek": { "url": "ws://127.0.0.1:1", "tables": { ${members('{ "type": "set[addr]" }')} } } }`,
    );
    const { zeek = [] } = runConfig({ config: file });
    expect(Object.keys(zeek[0]?.tables ?? {})).toEqual(names);
    const node = await openNode({ id: 'n', zeek });
    expect([...node.tables.keys()].toSorted()).toEqual(names.toSorted());
    await node.close();
  });

  test('are not mistaken for members: elsewhere these names are refused', () => {
    const file = join(temporary(), 'c.json');
    for (const content of [
      '{ "constructor": 1 }',
      '{ "auth": { "__proto__": { "token": "x" } } }',
      '{ "tables": { "t": { "key": "addr", "prototype": 1 } } }',
    ]) {
      writeFileSync(file, content);
      expect(() => readConfigFile(file)).toThrow('is not an option');
    }
  });
});

test('a configuration that no node would be opened with is refused when it is checked', async () => {
  const empty = join(temporary(), 'empty.pem');
  writeFileSync(empty, '');
  const checked = await run(['run', '--check-config', '--json', '--tls-cert', empty, '--tls-key', empty]);
  expect(checked).toMatchObject({ code: 2, stdout: '' });
  expect(checked.stderr).toContain('Option listen.tls.cert is an empty text');
});

test('a configuration that is shown does not show who reads the target of sql', () => {
  const file = join(temporary(), 'c.json');
  writeFileSync(
    file,
    JSON.stringify({ id: 'n', sql: `postgres://user:${SECRET}@host:5432/db?password=${SECRET}` }),
  );
  const shown = JSON.stringify(shownConfig(runConfig({ config: file })));
  expect(shown).toContain('postgres://***@host:5432/db?***');
  expect(shown).not.toContain(SECRET);
  expect(JSON.stringify(shownConfig(runConfig({ config: file, sql: true })))).toContain('"sql":true');
});
