import type { Options } from 'tsup';

// JavaScript only: the declarations come from tsc (tsconfig.build.json), with maps to the sources.
const options: Options = {
  entry: ['src/index.ts', 'src/cli/main.ts', 'src/backends/sqlite/worker.ts', 'src/comparison/child.ts'],
  format: 'esm',
  target: 'node20',
  splitting: true,
  sourcemap: true,
  clean: true,
  removeNodeProtocol: false,
};

export default options;
