import * as v from 'valibot';
import { anObject } from '../options/an-object.ts';
import type { ListenTls } from '../transport/websocket/options.ts';
import type { HttpLimitOptions } from './limits.ts';

/** The options say where and how a node answers over HTTP. */
export interface HttpOptions {
  /** Is the port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Names the address to listen on, by default 127.0.0.1. Anything beyond loopback requires authentication, as `listen` does. */
  readonly host?: string | undefined;
  /** Holds certificate and key of this node; `ca` and `requireClientCertificate` are those of `listen.tls`. */
  readonly tls?: ListenTls | undefined;
  /** Lists names that may stand in the Host header. Default: on loopback those of loopback, elsewhere any. */
  readonly hosts?: readonly string[] | undefined;
  /** Lists pages of other hosts that may ask, by their Origin, such as `https://example.org`. Default none. */
  readonly origins?: readonly string[] | undefined;
  /** Answers `/livez`, `/readyz` and `/metrics` there too. Default false. */
  readonly health?: boolean | undefined;
  readonly limits?: HttpLimitOptions | undefined;
}

const count = v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)));

/** {@link HttpLimitOptions} from a program or a file. */
export const httpLimitsSchema = anObject({
  maxBodyBytes: count,
  maxSockets: count,
  maxStreams: count,
  maxStreamsPerHolder: count,
  maxReadsPerSecond: count,
  maxWritesPerSecond: count,
  maxWaitingBytes: count,
});
