// What the three examples show: the hosts with most failed logins, kept up to date.
import assert from 'node:assert/strict';
import { Window } from 'happy-dom';
import { type View, openNode } from 'tablecast';

/** The rows that a component shows. */
export type Hosts = View<string, number>;

/** A document to render into, as a browser has one. */
export function openPage(): Window {
  const window = new Window();
  const { document, navigator, HTMLElement, Element, Node, SVGElement, Text, Comment, Event } = window;
  const globals = {
    window,
    document,
    navigator,
    HTMLElement,
    Element,
    Node,
    SVGElement,
    Text,
    Comment,
    Event,
  };
  for (const [name, value] of Object.entries(globals))
    Object.defineProperty(globalThis, name, { value, configurable: true });
  return window;
}

/** Shows a view by `mount`, changes the table, and looks at what the page shows then. */
export async function show(
  mount: (hosts: Hosts) => Promise<{ readonly text: () => Promise<string>; readonly unmount: () => unknown }>,
): Promise<void> {
  const node = await openNode({ id: 'page' });
  const failures = node.table('failures', { key: 'addr', value: 'count', backend: 'memory' });
  const hosts = failures.view({
    map: ({ value }) => value,
    orderBy: { descending: ({ value }) => value },
    limit: 2,
  });
  failures.set('10.0.0.1', 3).set('10.0.0.2', 5);
  const page = await mount(hosts);
  assert.equal(await page.text(), '10.0.0.2: 5 10.0.0.1: 3');
  node.batch(() => failures.set('10.0.0.3', 4).set('10.0.0.2', 6));
  const text = await page.text();
  console.log(text);
  assert.equal(text, '10.0.0.2: 6 10.0.0.3: 4');
  await page.unmount();
  await node.close();
}
