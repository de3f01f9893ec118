import * as v from 'valibot';

/** Says of an issue that a member is given which there is not. */
export const NO_MEMBER = 'no member';

type Entries = v.ObjectEntries;
type AnObject<E extends Entries> = v.ObjectSchema<E, undefined>;

/** True for objects that have members by name: no list, no date, no map. */
export function isPlainObject(given: unknown): given is Record<string, unknown> {
  return Object.prototype.toString.call(given) === '[object Object]';
}

/**
 * Makes an object with these members and no others. Valibot's own `strictObject` takes a list for an object, and a
 * member for known that every object of JavaScript has, such as `constructor`.
 */
export function anObject<const E extends Entries>(
  entries: E,
): v.GenericSchema<v.InferInput<AnObject<E>>, v.InferOutput<AnObject<E>>> {
  return v.pipe(
    v.custom<v.InferInput<AnObject<E>>>(isPlainObject),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const input = dataset.value as Record<string, unknown>;
      const key = Object.keys(input).find((name) => !Object.hasOwn(entries, name));
      if (key === undefined) return;
      const value = input[key];
      addIssue({ message: NO_MEMBER, path: [{ type: 'object', origin: 'value', input, key, value }] });
    }),
    v.object(entries),
  );
}

/** A text, or an object with the same and more. */
export function textOrObject<T extends v.GenericSchema, O extends v.GenericSchema>(
  text: T,
  object: O,
): v.GenericSchema<v.InferInput<T> | v.InferInput<O>, v.InferOutput<T> | v.InferOutput<O>> {
  return v.lazy(
    (given) => (isPlainObject(given) ? object : text) as v.GenericSchema<v.InferInput<T>, v.InferOutput<T>>,
  );
}

/** One of something, or a list of at most so many. */
export function oneOrList<S extends v.GenericSchema>(
  one: S,
  most: number,
): v.GenericSchema<
  v.InferInput<S> | readonly v.InferInput<S>[],
  v.InferOutput<S> | readonly v.InferOutput<S>[]
> {
  const list = v.pipe(v.array(one), v.maxLength(most));
  return v.lazy((given) => (Array.isArray(given) ? list : one) as typeof one);
}
