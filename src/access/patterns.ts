/** Returns whether one of the patterns, exact names or beginnings with a star behind, fits a name. */
export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => {
    return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
  });
}

/** Returns the first of `patterns` that fits names which none of `all` fits; undefined when there is none. */
export function uncovered(patterns: readonly string[], all: readonly string[]): string | undefined {
  return patterns.find((pattern) => {
    const stem = pattern.endsWith('*') ? pattern.slice(0, -1) : pattern;
    const open = pattern.endsWith('*');
    return !all.some((other) => {
      return other.endsWith('*') ? stem.startsWith(other.slice(0, -1)) : !open && other === pattern;
    });
  });
}
