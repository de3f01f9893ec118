import { fileURLToPath } from 'node:url';
import type { UserConfig } from 'vite';

/** The page, as files of its own beside the package's code: nothing in it is inline, so that a strict policy holds. */
const config: UserConfig = {
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    outDir: fileURLToPath(new URL('../dist/page', import.meta.url)),
    emptyOutDir: true,
    target: 'es2022',
    // Not as `data:` addresses, which the policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
};

export default config;
