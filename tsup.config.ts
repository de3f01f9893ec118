import { join } from 'node:path';
import type { Options } from 'tsup';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

/**
 * Without comments and indentation, and in the shortest form of each statement, a quarter less is unpacked and read at a
 * start; names stay, and lines are short enough for the positions in a stack to say something.
 */
export const written = { minifyWhitespace: true, minifySyntax: true, lineLimit: 120 } as const;

/**
 * The writing thread, as one CommonJS file: a thread begins with nothing loaded, and Node loads a module of
 * the other kind, and what it imports, at twice the price.
 */
const writingThread: Plugin = {
  name: 'writing-thread',
  setup(build) {
    const { outdir = 'dist', sourcemap, target } = build.initialOptions;
    build.onEnd(async ({ errors }) => {
      if (errors.length > 0) return;
      await build.esbuild.build({
        entryPoints: ['src/backends/sqlite/worker.ts'],
        outfile: join(outdir, 'backends/sqlite/worker.cjs'),
        bundle: true,
        format: 'cjs',
        packages: 'external',
        platform: 'node',
        ...written,
        ...(sourcemap !== undefined && { sourcemap }),
        ...(target !== undefined && { target }),
      });
    });
  },
};

/** What programs import, by the name of its file in dist; package.json has the same list under `exports`. */
export const entries = {
  index: 'src/index.ts',
  automerge: 'src/entries/automerge.ts',
  core: 'src/entries/core.ts',
  observability: 'src/entries/observability.ts',
  simulation: 'src/simulation/index.ts',
  sqlite: 'src/entries/sqlite.ts',
  testing: 'src/testing/index.ts',
  websocket: 'src/entries/websocket.ts',
  zeek: 'src/entries/zeek.ts',
};

// Neither sources nor maps are published: a stack names functions as they are called here.
const options: Options = {
  entry: {
    ...entries,
    'cli/main': 'src/cli/main.ts',
    'sql/worker': 'src/sql/worker.ts',
    'sql/queries/query-process': 'src/sql/queries/query-process.ts',
    'trial/child': 'src/trial/child.ts',
  },
  format: 'esm',
  target: 'node20',
  splitting: true,
  sourcemap: false,
  clean: true,
  removeNodeProtocol: false,
  esbuildPlugins: [writingThread],
  minifyWhitespace: written.minifyWhitespace,
  esbuildOptions: (build) => {
    build.lineLimit = written.lineLimit;
    build.minifySyntax = written.minifySyntax;
  },
  // Declarations in few files, without the interior of tables. The bundler of declarations sets baseUrl, which TypeScript 6 warns of.
  dts: { entry: entries, compilerOptions: { ignoreDeprecations: '6.0', paths: {}, stripInternal: true } },
};

export default options;
