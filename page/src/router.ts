import { signal } from '@preact/signals';

/** Where the page is: the parts of the path after `#/`, decoded, and what was asked beside it. */
export interface Place {
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // An address that somebody broke names nothing, and says so in the view.
    return part;
  }
}

function read(): Place {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  return {
    path: path
      .split('/')
      .filter((part) => part !== '')
      .map(decoded),
    query: new URLSearchParams(query),
  };
}

/** Where the page is at present. */
export const place = signal<Place>(read());

addEventListener('hashchange', () => {
  place.value = read();
});

/** The address of a place, for links. */
export function to(
  path: readonly string[],
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const asked = new URLSearchParams(given).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${asked === '' ? '' : `?${asked}`}`;
}
