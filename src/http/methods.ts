import { OPERATIONS } from './openapi/operations.ts';

/** Each path of the document as an expression, with its methods. */
const PATHS: ReadonlyMap<string, { readonly form: RegExp; readonly methods: Set<string> }> = pathsOf();

function pathsOf(): Map<string, { form: RegExp; methods: Set<string> }> {
  const paths = new Map<string, { form: RegExp; methods: Set<string> }>();
  for (const { path, method } of OPERATIONS) {
    const form = new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]*')}$`);
    const known = paths.get(path) ?? { form, methods: new Set() };
    paths.set(path, known);
    known.methods.add(method);
    if (method === 'GET') known.methods.add('HEAD');
  }
  return paths;
}

/** The methods that are answered at a path; none where nothing is. */
export function allowedMethods(path: string): readonly string[] {
  return Array.from(PATHS.values()).flatMap(({ form, methods }) => (form.test(path) ? [...methods] : []));
}
