// Runs the scenarios and the guide of test/zeek against a real Zeek, 8.2 or later: node scripts/zeek-e2e.mjs [path of zeek]
// Without one on the PATH it says so and ends well: `npm test` runs the same scenarios against the stand-in.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function onPath(name) {
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => path.join(folder, name)).find(isProgram);
}

const zeek = process.argv[2] ?? onPath('zeek');
if (zeek === undefined) {
  console.log('No zeek on the PATH: nothing was run against a real Zeek.');
  console.log(
    'The same scenarios run against the stand-in with: npx vitest run test/zeek/scenarios.test.ts test/zeek/guide.test.ts',
  );
} else {
  const { stdout, error } = spawnSync(zeek, ['--version'], { encoding: 'utf8' });
  console.log(error === undefined ? `${zeek}: ${stdout.trim()}` : `${zeek}: ${error.message}`);
  const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
  const run = (test, setup) =>
    spawnSync(process.execPath, [vitest, 'run', test], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: { ...process.env, ZEEK_BINARY: path.resolve(zeek), ZEEK_SETUP: setup },
      stdio: 'inherit',
    }).status;
  console.log('The guide from &backend');
  process.exitCode = run('test/zeek/guide.test.ts', 'zeromq') ?? 1;
  // One process over either of Zeek's cluster backends, a cluster of manager and worker over Broker, and one of
  // logger, manager, proxy and two workers over ZeroMQ.
  for (const setup of ['broker', 'zeromq', 'broker-cluster', 'zeromq-cluster']) {
    console.log(`Set-up ${setup}`);
    const status = run('test/zeek/scenarios.test.ts', setup);
    if (status !== 0) process.exitCode = status ?? 1;
  }
}
