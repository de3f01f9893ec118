/**
 * What the holder of a credential may do on this node. Names are exact, or end with a star and then
 * stand for everything that begins like them; `*` alone stands for all. They are compared as text.
 */
export interface Rights {
  /** Node ids it may use. One named in full belongs to this credential: no other may use it. */
  readonly nodes: readonly string[];
  /** Tables it may read; of others it never learns anything, their names included. Default all. */
  readonly read?: readonly string[] | undefined;
  /** Tables it may write, each of which it must be able to read. Default those it may read. */
  readonly write?: readonly string[] | undefined;
  /**
   * Whose operations it may bring: `own` (default), those its own node wrote, or `relay`, also those of
   * others and checkpoints. This node's own present life is never taken from anybody.
   */
  readonly origins?: 'own' | 'relay' | undefined;
}

/** A holder known by name, and its rights. */
export interface Credential extends Rights {
  /** For events and logs. Credentials of one name are one holder, so that a token can be replaced. */
  readonly name: string;
}

/** How a credential of the list is recognised: by every one of these that is given. */
export interface CredentialOptions extends Credential {
  /** Secret it shows, 1 to 1,024 printable ASCII characters. */
  readonly token?: string | undefined;
  /** Name in the client certificate: the common name, or a DNS name or URI of the alternative names. */
  readonly certificate?: string | undefined;
}

/**
 * Takes the place of `auth.token`, `auth.dialToken` and `auth.credentials` of a node, all three: what is left
 * out is gone. `auth.verify` stays.
 */
export interface CredentialChange {
  readonly token?: string | undefined;
  readonly dialToken?: string | undefined;
  readonly credentials?: readonly CredentialOptions[] | undefined;
}

/** What is known of a node that asks to connect, before anything it sends is believed. */
export interface AccessRequest {
  readonly remoteAddress: string;
  /** From the Authorization header, or the subprotocol a browser gives it in. Not checked yet. */
  readonly token: string | undefined;
  /** Common name, DNS names and URIs of a client certificate whose chain was checked; none without one. */
  readonly certificateNames: readonly string[];
  readonly origin: string | undefined;
  readonly host: string | undefined;
}

/** Decides on a request to connect: whose it is, or undefined to refuse. */
export type Verifier = (request: AccessRequest) => Credential | undefined | Promise<Credential | undefined>;
