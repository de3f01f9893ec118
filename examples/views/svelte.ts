// A view in Svelte: a view is a store with two lines around it. The component is built with Vite, as in an application.
// Run it: node --import ./scripts/typescript.mjs examples/views/svelte.ts
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compile } from 'svelte/compiler';
import { build } from 'vite';
import { type Hosts, openPage, show } from './hosts.ts';

/** What the built component gives: see the entry below. */
interface Built {
  readonly mountInto: (element: unknown, hosts: Hosts) => () => Promise<void>;
  readonly settled: () => void;
}

const page = openPage();
const component = fileURLToPath(new URL('HostList.svelte', import.meta.url));
const entry = `
  import { flushSync, mount, unmount } from 'svelte';
  import HostList from ${JSON.stringify(component)};
  export const settled = flushSync;
  export function mountInto(target, hosts) {
    const mounted = mount(HostList, { target, props: { hosts } });
    return () => unmount(mounted);
  }
`;

/** Builds the entry, its component and Svelte into one module. */
async function built(): Promise<Built> {
  const result = await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['browser'] },
    plugins: [
      {
        name: 'svelte',
        resolveId: (id) => (id.endsWith('/entry') ? '\0entry' : undefined),
        load: (id) => (id === '\0entry' ? entry : undefined),
        transform: (_code, id) =>
          id.endsWith('.svelte')
            ? compile(readFileSync(id, 'utf8'), { filename: id, generate: 'client' }).js.code
            : undefined,
      },
    ],
    build: { write: false, lib: { entry: 'entry', formats: ['es'], fileName: 'hosts' } },
  });
  const [{ output }] = result as unknown as [{ output: readonly [{ readonly code: string }] }];
  return (await import(`data:text/javascript,${encodeURIComponent(output[0].code)}`)) as Built;
}

const { mountInto, settled } = await built();
await show(async (hosts) => {
  const element = page.document.createElement('div');
  const unmount = mountInto(element, hosts);
  return {
    text: async () => {
      settled();
      return Array.from(element.querySelectorAll('li'), (item) => item.textContent).join(' ');
    },
    unmount,
  };
});
