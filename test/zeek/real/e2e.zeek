# The tables of the scenarios, and events with which a test acts on them and looks into them.
# Needs the package of this repository, loaded before.
@load base/frameworks/cluster

module E2e;

redef exit_only_after_terminate = T;
redef table_expire_interval = 50msec;
redef table_expire_delay = 1msec;

export {
	global counts: table[string] of count &publish_on_change=Tablecast::replicated;
	global hosts: set[addr] &publish_on_change=Tablecast::replicated;
	global short: table[string] of count &create_expire=1sec &publish_on_change=Tablecast::replicated;

	# Asked on e2e/cmd/ of one node, which in a cluster all hear.
	global put: event(node: string, nonce: string, name: string, key: string, value: count);
	global take: event(node: string, nonce: string, name: string, key: string);
	global show: event(node: string, nonce: string, name: string);

	# Answered on e2e/out/.
	global listed: event(nonce: string, key: string, value: count);
	global finished: event(nonce: string);
}

redef Tablecast::tables += { "E2e::counts", "E2e::hosts", "E2e::short" };
redef Tablecast::announce_interval = 200msec;
redef Cluster::retry_interval = 200msec;

function is_asked(node: string): bool
	{
	return Cluster::node == "" || node == Cluster::node;
	}

function answer(nonce: string)
	{
	Cluster::publish("e2e/out/", E2e::finished, nonce);
	}

event put(node: string, nonce: string, name: string, key: string, value: count)
	{
	if ( ! is_asked(node) )
		return;

	if ( name == "E2e::counts" )
		counts[key] = value;
	else if ( name == "E2e::short" )
		short[key] = value;
	else
		add hosts[to_addr(key)];

	answer(nonce);
	}

event take(node: string, nonce: string, name: string, key: string)
	{
	if ( ! is_asked(node) )
		return;

	if ( name == "E2e::counts" )
		delete counts[key];
	else if ( name == "E2e::short" )
		delete short[key];
	else
		delete hosts[to_addr(key)];

	answer(nonce);
	}

event show(node: string, nonce: string, name: string)
	{
	if ( ! is_asked(node) )
		return;

	if ( name == "E2e::counts" )
		{
		for ( key, value in counts )
			Cluster::publish("e2e/out/", E2e::listed, nonce, key, value);
		}
	else if ( name == "E2e::short" )
		{
		for ( brief, held in short )
			Cluster::publish("e2e/out/", E2e::listed, nonce, brief, held);
		}
	else
		{
		for ( host in hosts )
			Cluster::publish("e2e/out/", E2e::listed, nonce, cat(host), 0);
		}

	answer(nonce);
	}

event zeek_init()
	{
	Cluster::subscribe("e2e/cmd/");
	}
