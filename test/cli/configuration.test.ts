import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseTimeout } from '../../src/cli/command.ts';
import { readConfigFile } from '../../src/cli/config-file.ts';
import { parseMoment } from '../../src/cli/moment.ts';
import { visible } from '../../src/cli/output.ts';
import { nodeOptions, parseListen, runConfig } from '../../src/cli/run-config.ts';
import { parseTable } from '../../src/cli/table-words.ts';

const directory = mkdtempSync(join(tmpdir(), 'tablecast-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function fileOf(content: unknown): string {
  const file = join(directory, 'a.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

test.each([
  [{ id: 'a', directroy: 'data' }, "directroy is not an option. Did you mean 'directory'?"],
  [{ id: 'a', auth: { tokn: 'x' } }, "auth.tokn is not an option. Did you mean 'token'?"],
  [{ id: 'a', limits: { maxPeer: 3 } }, "limits.maxPeer is not an option. Did you mean 'maxPeers'?"],
  [{ id: 'a', listen: { prot: 1 } }, 'listen'],
  [{ id: 'a', peers: 'ws://b' }, 'peers is a text, and takes a list of addresses'],
  [{ id: 'a', http: { prot: 1 } }, 'http'],
  [
    { id: 'a', http: { port: 1, limits: { maxStream: 3 } } },
    "http.limits.maxStream is not an option. Did you mean 'maxStreams'?",
  ],
  [{ id: 7 }, 'id is a number, and takes text of 1 to 64 letters'],
  [[], 'holds an empty list'],
  [{ limits: [] }, 'limits is an empty list, and takes an object'],
  ['{ "id": "a", }', 'is not JSON'],
])('a configuration file %j is refused: %s', (content, problem) => {
  expect(() => readConfigFile(fileOf(content))).toThrow(problem);
});

test('file names in a configuration file are relative to it, and what they name is read', () => {
  writeFileSync(join(directory, 'token'), 'open-sesame\n');
  const file = fileOf({ id: 'a', directory: 'data', auth: { tokenFile: 'token' }, listen: false });
  const config = runConfig({ config: file });
  expect(config.directory).toBe(join(directory, 'data'));
  expect(nodeOptions(config)).toMatchObject({ id: 'a', auth: { token: 'open-sesame' }, listen: undefined });
});

test('a token from a flag replaces the token file of the configuration', () => {
  const file = fileOf({ id: 'a', auth: { tokenFile: 'absent' } });
  expect(nodeOptions(runConfig({ config: file, token: 'other' })).auth).toMatchObject({ token: 'other' });
  expect(() => nodeOptions(runConfig({ config: file }))).toThrow('absent');
});

test('the HTTP interface is asked for by flag or file, and has the certificate of the flags', () => {
  for (const name of ['cert', 'key', 'own']) writeFileSync(join(directory, name), name);
  const file = fileOf({ id: 'a', http: { port: 1, host: '::1', limits: { maxStreams: 7 } } });
  expect(nodeOptions(runConfig({ config: file })).http).toEqual({
    port: 1,
    host: '::1',
    limits: { maxStreams: 7 },
  });
  const [tlsCert, tlsKey] = [join(directory, 'cert'), join(directory, 'key')];
  const { http } = nodeOptions(runConfig({ config: file, http: '0.0.0.0:2', tlsCert, tlsKey }));
  expect(http).toMatchObject({
    port: 2,
    host: '0.0.0.0',
    limits: { maxStreams: 7 },
    tls: { cert: 'cert', key: 'key' },
  });
  const own = fileOf({ id: 'a', http: { port: 1, tls: { cert: 'own', key: 'own' } } });
  expect(nodeOptions(runConfig({ config: own, tlsCert, tlsKey })).http?.tls).toMatchObject({
    cert: 'own',
    key: 'own',
  });
  expect(nodeOptions(runConfig({ config: fileOf({ id: 'a' }) })).http).toBeUndefined();
  expect(() => runConfig({ http: 'here' })).toThrow('--http here is no port');
});

test.each([
  ['47760', { port: 47760 }],
  ['0.0.0.0:1', { port: 1, host: '0.0.0.0' }],
  ['[::1]:2', { port: 2, host: '::1' }],
  [':3', { port: 3 }],
])('--listen %s is understood', (text, place) => {
  expect(parseListen(text)).toEqual(place);
});

test.each(['70000', 'host', '1.2.3.4', '::1', ''])('--listen %j is refused', (text) => {
  expect(() => parseListen(text)).toThrow('no port');
});

test('a declaration in words is the declaration of a program', () => {
  expect(parseTable('hosts key=addr value=count backend=sqlite writeExpire=1h default=0')).toEqual({
    name: 'hosts',
    declaration: { key: 'addr', value: 'count', backend: 'sqlite', writeExpire: '1h', default: 0 },
  });
  expect(parseTable('seen key=addr,port').declaration).toEqual({ key: ['addr', 'port'] });
  expect(parseTable('one key=addr,').declaration).toEqual({ key: ['addr'] });
  expect(parseTable('x key=addr value=any complexValues=true default={"a":1}').declaration).toMatchObject({
    complexValues: true,
    default: { a: 1 },
  });
});

test.each([
  ['key=addr', 'does not begin with a name'],
  ['hosts kye=addr', 'Did you mean key?'],
  ['hosts key=addr key=port', 'give key once'],
  ['hosts key', 'give key once, as key='],
])('a declaration %j is refused: %s', (text, problem) => {
  expect(() => parseTable(text)).toThrow(problem);
});

test('times and positions of the log', () => {
  const parse = parseMoment('--after');
  expect(parse('12')).toEqual({ position: 12 });
  expect(parse('1970-01-01T00:00:01.5Z')).toEqual({ time: 1500 });
  const before = Date.now();
  const ago = parse('90m');
  const time = 'time' in ago ? ago.time + 90 * 60_000 : 0;
  expect(time).toBeGreaterThanOrEqual(before);
  expect(time).toBeLessThanOrEqual(Date.now());
  expect(() => parse('yesterday')).toThrow('--after yesterday is no position or time');
  expect([parseTimeout('5'), parseTimeout('500ms'), parseTimeout('2m')]).toEqual([5000, 500, 120_000]);
  expect(() => parseTimeout('0')).toThrow('no time');
});

test('text from outside cannot steer the terminal', () => {
  expect(visible('a\u001b[31mb\nc\u202ed é')).toBe('a\\u001b[31mb\\nc\\u202ed é');
});

test('how much log is kept comes from flags, which go before the file', () => {
  const file = fileOf({ id: 'a', directory: 'data', listen: false, retention: { age: '1d', bytes: 5000 } });
  const { retention } = nodeOptions(runConfig({ config: file }));
  expect(retention).toEqual({ age: '1d', bytes: 5000 });
  const flags = { config: file, retention: 'operations=1000 age=12h' };
  expect(nodeOptions(runConfig(flags)).retention).toEqual({ age: '12h', operations: 1000 });
});

test.each([
  ['days=3', '"days" is no limit'],
  ['operation=3', 'Did you mean operations?'],
  ['bytes=1GB', 'bytes=1GB is no whole number from 1'],
  ['age=', 'give age once'],
  ['age=1d age=2d', 'give age once'],
])('a retention of %j is refused: %s', (retention, problem) => {
  const file = fileOf({ id: 'a', listen: false });
  expect(() => runConfig({ config: file, retention })).toThrow(problem);
});

test('a Zeek cluster of the command line goes before those of the file, with names taken and left out', () => {
  const url = 'ws://127.0.0.1:27759';
  const file = fileOf({ id: 'a', zeek: { url: 'ws://127.0.0.1:1', tables: 'all' } });
  expect(runConfig({ config: file }).zeek).toEqual([{ url: 'ws://127.0.0.1:1', tables: 'all' }]);
  expect(runConfig({ config: file, zeek: url }).zeek).toEqual([{ url, tables: { '*': {} } }]);
  const named = runConfig({ config: file, zeek: url, zeekOnly: ['Known::*'], zeekExcept: ['Known::certs'] });
  expect(named.zeek).toEqual([{ url, tables: { 'Known::*': {}, 'Known::certs': false } }]);
  expect(() => runConfig({ config: file, zeekOnly: ['Known::*'] })).toThrow('--zeek-only and --zeek-except');
});
