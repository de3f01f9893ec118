import pc from 'picocolors';

const plain = !process.stdout.isTTY || (process.env['NO_COLOR'] ?? '') !== '';

/** Colours for the standard output: none where it is no terminal, also in CI, and none where NO_COLOR asks for that. */
export const colors: ReturnType<typeof pc.createColors> = pc.createColors(!plain);
