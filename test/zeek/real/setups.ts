import type { ServerCertificates } from '../cluster.ts';

/** How the Zeek under test is made up. */
export type ZeekSetup = 'broker' | 'zeromq' | 'broker-cluster' | 'zeromq-cluster';

/** The nodes that hold tables; the first runs the WebSocket server: the manager, or a worker. */
export function nodesOf(setup: ZeekSetup, onWorker = false): readonly string[] {
  return onWorker ? allOf(setup).toReversed() : allOf(setup);
}

function allOf(setup: ZeekSetup): readonly string[] {
  switch (setup) {
    case 'broker-cluster':
      return ['manager', 'worker'];
    case 'zeromq-cluster':
      return ['manager', 'worker-1', 'worker-2'];
    default:
      return ['zeek'];
  }
}

/** A script that the set-up of several processes over ZeroMQ loads after the backend. */
export const PORTS_SCRIPT = 'zeromq-ports.zeek';

/** Returns the files of a set-up by name, with free ports. */
export function filesOf(
  setup: ZeekSetup,
  [first = 0, xpub = 0, xsub = 0]: readonly number[],
): ReadonlyMap<string, string> {
  if (setup !== 'zeromq-cluster') {
    const layout = `redef Cluster::manager_is_logger = T;
redef Cluster::nodes = {
	["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=${first}/tcp],
	["worker"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=0/tcp, $manager="manager"],
};
`;
    return new Map([['cluster-layout.zeek', layout]]);
  }
  // The log receiver must not run the WebSocket server: a logger of its own.
  const layout = `redef Cluster::manager_is_logger = F;
redef Cluster::nodes = {
	["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1],
	["logger"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=${first}/tcp],
	["proxy"] = [$node_type=Cluster::PROXY, $ip=127.0.0.1],
	["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1],
	["worker-2"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1],
};
`;
  const ports = `redef Cluster::Backend::ZeroMQ::listen_xpub_endpoint = "tcp://127.0.0.1:${xpub}";
redef Cluster::Backend::ZeroMQ::connect_xsub_endpoint = "tcp://127.0.0.1:${xpub}";
redef Cluster::Backend::ZeroMQ::listen_xsub_endpoint = "tcp://127.0.0.1:${xsub}";
redef Cluster::Backend::ZeroMQ::connect_xpub_endpoint = "tcp://127.0.0.1:${xsub}";
`;
  return new Map([
    ['cluster-layout.zeek', layout],
    [PORTS_SCRIPT, ports],
  ]);
}

/** The script of a WebSocket server with TLS, which Zeek's own for tests has not. */
export const TLS_SCRIPT = 'websocket-tls.zeek';

/** Returns the files of a WebSocket server that asks its clients for certificates. */
export function tlsFilesOf({ ca, server }: ServerCertificates, port: number): ReadonlyMap<string, string> {
  const script = `@load base/frameworks/cluster

event zeek_init() &priority=-100
	{
	local tls = Cluster::WebSocketTLSOptions($cert_file="server.crt", $key_file="server.key",
		$enable_peer_verification=T, $ca_file="ca.crt");
	if ( ! Cluster::listen_websocket([$listen_addr=127.0.0.1, $listen_port=${port}/tcp, $tls_options=tls]) )
		Reporter::fatal("failed to listen");
	}
`;
  return new Map([
    [TLS_SCRIPT, script],
    ['ca.crt', ca],
    ['server.crt', server.cert],
    ['server.key', server.key],
  ]);
}
