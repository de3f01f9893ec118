import { join } from 'node:path';
import type { Options } from 'tsup';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

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
        ...(sourcemap !== undefined && { sourcemap }),
        ...(target !== undefined && { target }),
      });
    });
  },
};

// JavaScript only: the declarations come from tsc (tsconfig.build.json), with maps to the sources.
const options: Options = {
  entry: ['src/index.ts', 'src/cli/main.ts', 'src/trial/child.ts', 'src/sql/worker.ts'],
  format: 'esm',
  target: 'node20',
  splitting: true,
  sourcemap: true,
  clean: true,
  removeNodeProtocol: false,
  esbuildPlugins: [writingThread],
};

export default options;
