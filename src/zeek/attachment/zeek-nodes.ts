import { proxyId } from '../../log/operations/proxy.ts';

/** Node ids remembered of one cluster; older ones are forgotten first. */
const MAX_NODES = 4096;
/** Different authors one attachment writes for; any more share one origin, so that version vectors stay small. */
const MAX_PROXIES = 256;

/** Puts a value in a map of bounded size; the oldest entry goes. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= MAX_NODES && !map.has(key)) map.delete(map.keys().next().value ?? '');
  map.set(key, value);
}

/** The Zeek nodes of one cluster, by the ids in their messages, and the ids this node writes for them under. */
export class ZeekNodes {
  readonly #scope: string;
  readonly #own: string;
  /** Names by node id; empty where nobody told one. */
  readonly #names = new Map<string, string>();
  readonly #proxies = new Set<string>();

  constructor(scope: string, own: string) {
    this.#scope = scope;
    this.#own = own;
  }

  /** Takes note of an id; true if it is new. */
  meet(id: string, name?: string): boolean {
    const isNew = !this.#names.has(id);
    if (isNew || name !== undefined) remember(this.#names, id, name ?? '');
    return isNew;
  }

  /** Returns the id to write a node's changes under. Its name stays over restarts, its id does not. */
  proxyOf(id: string): string {
    const author = this.#names.get(id) || id;
    const proxy = proxyId(this.#scope, author, this.#own);
    if (this.#proxies.has(proxy)) return proxy;
    if (this.#proxies.size >= MAX_PROXIES) return proxyId(this.#scope, 'others', this.#own);
    this.#proxies.add(proxy);
    return proxy;
  }
}
