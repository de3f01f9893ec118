import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ViteUserConfig } from 'vitest/config';

// Set by .ci/run, which counts tests from these files; every run writes one of its own.
const resultsDirectory = process.env['TEST_RESULTS_DIRECTORY'];

// What needs a browser is named *.page.test.ts; without one, `npm test` says that these tests were left out.
const needsBrowser = 'test/**/*.page.test.ts';

// What needs the built site is named *.site.test.ts and runs in `npm run site`.
const needsSite = 'test/**/*.site.test.ts';

// What needs dist/ is named *.dist.test.ts and runs after the build, in `npm run check`.
const needsBuild = 'test/**/*.dist.test.ts';

/** Folders of tests that change nothing but what they make. */
const sharing = [
  'altering',
  'backup',
  'carrier',
  'compatibility',
  'conformance',
  'http',
  'log',
  'modes',
  'node',
  'observability',
  'projection',
  'replication',
  'schema',
  'table',
  'transport',
  'trial',
  'views',
  'zeek',
];

/**
 * The files of these folders share a process and what is loaded there, which for most of them takes longer than the
 * tests. Who puts something in the place of a module, or measures time, is alone in its process all the same.
 */
const together = sharing.flatMap((folder) =>
  readdirSync(new URL(`test/${folder}/`, import.meta.url))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/${folder}/${name}`)
    .filter((path) => {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8');
      return !/\bvi\.|performance\.now|cpuUsage/.test(text);
    }),
);

const config: ViteUserConfig = {
  resolve: {
    alias: {
      'tablecast/simulation': fileURLToPath(new URL('src/simulation/index.ts', import.meta.url)),
      'tablecast/automerge': fileURLToPath(new URL('src/entries/automerge.ts', import.meta.url)),
      'tablecast/websocket': fileURLToPath(new URL('src/entries/websocket.ts', import.meta.url)),
      tablecast: fileURLToPath(new URL('src/index.ts', import.meta.url)),
    },
  },
  test: {
    environment: 'node',
    // Processes, not threads: tests open native databases, workers and sockets, and some kill what they started.
    pool: 'forks',
    // Lets a test start a thread from its TypeScript source, as the sqlite backend does.
    execArgv: ['--import', fileURLToPath(new URL('scripts/threads.mjs', import.meta.url))],
    maxWorkers: 2,
    // Only what hangs is over time: tests take seconds, and ten times that on a loaded machine.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 60_000 } },
    teardownTimeout: 10_000,
    reporters:
      resultsDirectory === undefined
        ? ['default']
        : ['default', ['json', { outputFile: `${resultsDirectory}/${String(process.pid)}.json` }]],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'html', 'json-summary'],
      reportsDirectory: 'coverage',
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'source',
          include: ['test/**/*.test.ts'],
          exclude: [needsBuild, needsBrowser, needsSite, ...together],
        },
      },
      {
        extends: true,
        test: { name: 'source-together', include: together, isolate: false },
      },
      {
        extends: true,
        test: {
          name: 'page',
          include: [needsBrowser],
          globalSetup: ['test/page/support/build.ts'],
        },
      },
      { extends: true, test: { name: 'site', include: [needsSite] } },
      { extends: true, test: { name: 'package', include: [needsBuild] } },
    ],
  },
};

export default config;
