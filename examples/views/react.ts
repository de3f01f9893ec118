// A view in React: useSyncExternalStore takes a view as it is, because its snapshot is the same array until a row is another.
// Run it: node --import ./scripts/typescript.mjs examples/views/react.ts
import type { ReactNode } from 'react';
import { type View, type ViewRow } from 'tablecast';
import { type Hosts, openPage, show } from './hosts.ts';

const page = openPage();
const { createElement, useCallback, useSyncExternalStore } = await import('react');
const { createRoot } = await import('react-dom/client');
const { flushSync } = await import('react-dom');

/** The rows of a view. When the view fails, rendering throws its error: an error boundary shows it. */
function useView<K, V>(view: View<K, V>): readonly ViewRow<K, V>[] {
  const subscribe = useCallback(
    (changed: () => void) => {
      const subscription = view.differences.subscribe({ next: changed, error: changed });
      return () => subscription.unsubscribe();
    },
    [view],
  );
  const snapshot = (): readonly ViewRow<K, V>[] => view.snapshot;
  return useSyncExternalStore(subscribe, snapshot, snapshot);
}

function HostList({ hosts }: { readonly hosts: Hosts }): ReactNode {
  const rows = useView(hosts);
  return createElement(
    'ul',
    null,
    rows.map(({ key, value }) => createElement('li', { key }, `${key}: ${value}`)),
  );
}

await show(async (hosts) => {
  const element = page.document.createElement('div');
  const root = createRoot(element);
  flushSync(() => root.render(createElement(HostList, { hosts })));
  return {
    text: async () => {
      flushSync(() => undefined);
      return Array.from(element.querySelectorAll('li'), (item) => item.textContent).join(' ');
    },
    unmount: () => root.unmount(),
  };
});
