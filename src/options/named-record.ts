import * as v from 'valibot';
import { isPlainObject } from './an-object.ts';

type Named<T> = Readonly<Record<string, T>>;

/**
 * Makes an object whose members users name. Valibot's own `record` leaves out `__proto__`, `constructor` and
 * `prototype` without a word; here every own member is checked and kept, whatever its name.
 */
export function namedRecord<S extends v.GenericSchema>(
  member: S,
): v.GenericSchema<Named<v.InferInput<S>>, Named<v.InferOutput<S>>> {
  return v.pipe(
    v.custom<Named<v.InferInput<S>>>(isPlainObject),
    v.metadata({ member }),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const input = dataset.value;
      const entries: [string, v.InferOutput<S>][] = [];
      for (const [key, value] of Object.entries(input)) {
        const result = v.safeParse(member, value);
        if (result.success) {
          entries.push([key, result.output]);
          continue;
        }
        const [{ message, expected, path = [] }] = result.issues;
        const here = { type: 'object', origin: 'value', input, key, value } as const;
        addIssue({ message, expected: expected ?? undefined, path: [here, ...path] as [typeof here] });
        return NEVER;
      }
      // Defines own members, whatever their names.
      return Object.fromEntries(entries);
    }),
  );
}
