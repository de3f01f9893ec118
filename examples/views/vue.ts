// A view in Vue: a shallow reference to the snapshot, which is frozen and needs no deep watching.
// Run it: node --import ./scripts/typescript.mjs examples/views/vue.ts
import type { ShallowRef } from 'vue';
import { type View, type ViewRow } from 'tablecast';
import { openPage, show } from './hosts.ts';

const page = openPage();
const { createApp, defineComponent, h, nextTick, onScopeDispose, shallowRef } = await import('vue');

/** The rows of a view, for as long as the component lives. */
function useView<K, V>(view: View<K, V>): Readonly<ShallowRef<readonly ViewRow<K, V>[]>> {
  const rows = shallowRef(view.snapshot);
  const subscription = view.differences.subscribe({
    next: () => {
      rows.value = view.snapshot;
    },
    error: (error: unknown) => console.error(error),
  });
  onScopeDispose(() => subscription.unsubscribe());
  return rows;
}

await show(async (hosts) => {
  const HostList = defineComponent(() => {
    const rows = useView(hosts);
    return () =>
      h(
        'ul',
        rows.value.map(({ key, value }) => h('li', { key }, `${key}: ${value}`)),
      );
  });
  const element = page.document.createElement('div');
  const app = createApp(HostList);
  app.mount(element);
  return {
    text: async () => {
      await nextTick();
      return Array.from(element.querySelectorAll('li'), (item) => item.textContent).join(' ');
    },
    unmount: () => app.unmount(),
  };
});
