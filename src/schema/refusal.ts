/**
 * A refusal says why a key, a value or a declaration is refused, before it is known of which table and in
 * which role. Never leaves this folder: the callers turn it into a TablecastError.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** Completes the sentence "The value of table X …". */
  readonly problem: string;
  readonly hint: string;

  constructor(problem: string, hint: string) {
    super(problem);
    this.problem = problem;
    this.hint = hint;
  }
}

/** The refusal a thrown thing stands for: getters and proxies of users can throw anything. */
export function asRefusal(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown;
  return new Refusal(
    'could not be read: reading it threw an error',
    'Pass plain data, without getters or proxies.',
  );
}

const shownCharacters = 60;
const shownBits = 128n;

/** Returns a value for a message: short, one line and well-formed; never throws. */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return showText(value);
    case 'bigint':
      return value >> shownBits === 0n || value >> shownBits === -1n
        ? `${value}n`
        : 'a bigint of many digits';
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'object':
      return value === null ? 'null' : showObject(value);
    default:
      return `a ${typeof value}`;
  }
}

function showText(text: string): string {
  if (text.length <= shownCharacters) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, shownCharacters))}… (${text.length} characters)`;
}

function showObject(value: object): string {
  try {
    if (Array.isArray(value)) return `an array of ${value.length}`;
    return value instanceof Date ? 'a Date' : 'an object';
  } catch {
    // A proxy may throw on any question.
    return 'an object';
  }
}
