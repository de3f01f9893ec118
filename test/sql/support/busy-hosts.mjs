/** Hosts that were seen often. */
export const columns = { label: 'string', twice: 'double' };

export function where({ value }) {
  return value > 100;
}

export function map({ value, origin }) {
  return { label: origin.split('@')[0], twice: value * 2 };
}
