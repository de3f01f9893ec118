/** Asked of a node: what it has, or to write no more. */
export type Asked = 'state' | 'rest';

/** Told by a node. */
export type Said =
  | { readonly type: 'ready' }
  | { readonly type: 'confirmed'; readonly key: string }
  | { readonly type: 'event'; readonly code: string; readonly message: string }
  | {
      readonly type: 'state';
      readonly rows: readonly string[];
      readonly counts: Readonly<Record<string, number>>;
      /** Whether the node is connected to the carrier, and since when and why not. */
      readonly carrier: string;
    };
