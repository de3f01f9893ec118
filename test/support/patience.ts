/** How long tests wait for what has to come: long enough that only what never comes is late, on a loaded machine too. */
export const PATIENCE_MS = 60_000;
