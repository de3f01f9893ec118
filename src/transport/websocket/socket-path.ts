import { TablecastError } from '../../errors.ts';

/** Listens on a Unix domain socket: for programs of this machine that may open its file. */
export interface ListenUnix {
  /**
   * Is absolute, and at most {@link MAX_SOCKET_PATH_BYTES} letters, digits and any of `/._-+@=~,`: it stands in
   * addresses.
   */
  readonly path: string;
  /** Says who may open the file, as for chmod. Default 0o600: the user that runs this program. */
  readonly mode?: number | undefined;
  readonly port?: undefined;
  readonly host?: undefined;
  readonly tls?: undefined;
  readonly hosts?: undefined;
}

/** Most bytes of a socket's path: what macOS takes of the least of systems, Linux takes 107. */
export const MAX_SOCKET_PATH_BYTES = 103;

/** Says what is wrong with the path of a Unix domain socket: no system takes it, or no address can name it. */
export function wrongSocketPath(path: string): string | undefined {
  if (!path.startsWith('/')) return 'is not absolute';
  if (path.length > MAX_SOCKET_PATH_BYTES)
    return `has ${path.length} characters, and systems take ${MAX_SOCKET_PATH_BYTES}`;
  return SOCKET_PATH.test(path) ? undefined : 'has a character that cannot stand in an address';
}

/** Throws `OPTION_INVALID` for what {@link wrongSocketPath} finds. */
export function checkSocketPath(path: string, option: string): void {
  const why = wrongSocketPath(path);
  if (why === undefined) return;
  throw new TablecastError('OPTION_INVALID', `Option ${option} ${why}.`, {
    hint: "For example: '/run/tablecast/hub.sock', of letters, digits and any of /._-+@=~, .",
    details: { option },
  });
}

const SOCKET_PATH = /^\/[A-Za-z0-9/._+@=~,-]+$/;

/** Returns the address of a Unix domain socket. */
export function socketUrl(path: string): string {
  return `${SOCKET_SCHEME}://${path}`;
}

/** Is the scheme of addresses of Unix domain sockets, as `ws` has it. */
export const SOCKET_SCHEME = 'ws+unix';
