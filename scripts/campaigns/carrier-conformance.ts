// npm run campaign:carrier-conformance -- [--over nats]
// The conformance tests whose nodes meet, over a carrier in the place of links: `memory`, in this process, or `nats`, a
// nats-server of their own. Left out are seven that are about a link: its speed, its bytes, what both of its ends are told.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { NatsServer, missing } from '../../test/nats/server.ts';

const ROOT = new URL('../../', import.meta.url);
const FOLDER = 'test/conformance';
const BEYOND_LINKS = '^(?!.*(conformance (33|36|60|99|105|115):|the bytes on the wire))';

const { values } = parseArgs({ options: { over: { type: 'string', default: 'nats' } } });

/** Lists the files of tests whose nodes meet. */
function filesWithClusters(): string[] {
  const names = readdirSync(new URL(`${FOLDER}/`, ROOT)).filter((name) => name.endsWith('.test.ts'));
  const paths = names.map((name) => `${FOLDER}/${name}`);
  return paths.filter((path) => /withCluster\(/.test(readFileSync(new URL(path, ROOT), 'utf8')));
}

async function testOver(carrier: string): Promise<number> {
  const env: NodeJS.ProcessEnv = { ...process.env, TABLECAST_CARRIER: carrier, NO_COLOR: '1' };
  delete env['TEST_RESULTS_DIRECTORY'];
  const files = filesWithClusters();
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    'source*',
    ...files,
    '-t',
    BEYOND_LINKS,
  ];
  const child = spawn(process.execPath, args, { cwd: fileURLToPath(ROOT), stdio: 'inherit', env });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

async function overNats(): Promise<number> {
  if (missing !== undefined) {
    console.log(`left out: ${missing}`);
    return 0;
  }
  await using server = await NatsServer.start();
  return await testOver(server.url);
}

process.exitCode = values.over === 'nats' ? await overNats() : await testOver(values.over);
