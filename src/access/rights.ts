/**
 * The rights of a credential's holder say what it may do on this node. Names are exact, or end with a star
 * and then stand for everything that begins like them; `*` alone stands for all. They are compared as text.
 */
export interface Rights {
  /** Lists the node ids it may use. An id named in full belongs to this credential: no other may use it. */
  readonly nodes: readonly string[];
  /** Lists the tables it may read; of others it never learns anything, their names included. Default all. */
  readonly read?: readonly string[] | undefined;
  /** Lists the tables it may write, each of which it must be able to read. Default those it may read. */
  readonly write?: readonly string[] | undefined;
  /**
   * Says whose operations it may bring: `own` (default), those its own node wrote, or `relay`, also those of
   * others and checkpoints. This node's own present life is never taken from anybody.
   */
  readonly origins?: 'own' | 'relay' | undefined;
}

/** A credential is a holder known by name, and its rights. */
export interface Credential extends Rights {
  /** Names the holder in events and logs. Credentials of one name are one holder, so that a token can be replaced. */
  readonly name: string;
}

/** A credential of the list is recognised by its token, its certificate, or, where both are given, by both. */
export interface CredentialOptions extends Credential {
  /** Holds the secret it shows: 1 to 1,024 printable ASCII characters. */
  readonly token?: string | undefined;
  /** Names what stands in the client certificate: the common name, or a DNS name or URI of the alternative names. */
  readonly certificate?: string | undefined;
}

/**
 * A change takes the place of `auth.token`, `auth.dialToken` and `auth.credentials` of a node, all three:
 * what is left out is gone. `auth.verify` stays.
 */
export interface CredentialChange {
  readonly token?: string | undefined;
  readonly dialToken?: string | undefined;
  readonly credentials?: readonly CredentialOptions[] | undefined;
}

/** A request says what is known of a node that asks to connect, before anything it sends is believed. */
export interface AccessRequest {
  /** Is `unix` for one that comes over a Unix domain socket. */
  readonly remoteAddress: string;
  /**
   * Comes from the Authorization header, or from the subprotocol in which a browser gives it. It is not
   * checked yet.
   */
  readonly token: string | undefined;
  /** Lists the common name, DNS names and URIs of a client certificate whose chain was checked; empty without one. */
  readonly certificateNames: readonly string[];
  readonly origin: string | undefined;
  readonly host: string | undefined;
}

/** Decides on a request to connect: returns the credential of the node, or undefined to refuse it. */
export type Verifier = (request: AccessRequest) => Credential | undefined | Promise<Credential | undefined>;
