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
  'backends',
  'backup',
  'carrier',
  'cli',
  'cli/formats',
  'compatibility',
  'conformance',
  'contracts',
  'http',
  'log',
  'modes',
  'nats',
  'node',
  'observability',
  'package',
  'projection',
  'reading',
  'replication',
  'schema',
  'security',
  'sql',
  'table',
  'transport',
  'trial',
  'views',
  'work',
  'zeek',
  'zeek/protocol',
];

/** What puts something in the place of a module, or measures time and memory, shows in these words. */
const ALONE =
  /\bvi\.|performance\.now|cpuUsage|memoryUsage|threadTime|leastTime|syncBuiltin|support\/turns\.ts|exitCode =|process\.emit/;

/**
 * The files of these folders share a process and what is loaded there, which for most of them takes longer than the
 * tests. What is {@link ALONE} has a process of its own.
 */
const together = sharing.flatMap((folder) =>
  readdirSync(new URL(`test/${folder}/`, import.meta.url))
    .filter((name) => name.endsWith('.test.ts') && !/\.(page|dist|site)\.test\.ts$/.test(name))
    .map((name) => `test/${folder}/${name}`)
    .filter((path) => {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8');
      return !ALONE.test(text);
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
