// Exports nothing that a projection uses.
export const other = 1;
