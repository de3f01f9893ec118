/** Seeds that once failed, with what they found; they run first. */
export const regressions: readonly { readonly seed: number; readonly found: string }[] = [
  { seed: 20, found: 'a table declared on a full disk was unknown to the next life of its log' },
  { seed: 31, found: 'a batch that threw brought rows back in another order than replay' },
  { seed: 49, found: 'an expiry on a full disk threw inside a timer and would have ended the process' },
  { seed: 370, found: 'an expiry that overtook its write left the row for good' },
  {
    seed: 430,
    found: 'a checkpoint from a peer that was behind hid the names of keys from readers of the log',
  },
];
