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

	# Found by the package, and of a type that is neither a record nor an enum.
	type Host: addr;
	global aliased: set[Host] &publish_on_change=Tablecast::replicated;

	# Asked on e2e/cmd/ of one node, which in a cluster all hear.
	global put: event(node: string, nonce: string, name: string, key: string, value: count);
	global take: event(node: string, nonce: string, name: string, key: string);
	global fill: event(node: string, nonce: string, name: string, rows: count);
	global lose: event(node: string, nonce: string, name: string, every: count);
	global show: event(node: string, nonce: string, name: string);

	# Answered on e2e/out/, some rows at a time: a row of its own each would be more than ZeroMQ queues.
	global listed: event(nonce: string, keys: vector of string, values: vector of count);
	global finished: event(nonce: string, rows: count);

	const rows_per_answer = 500;
}

redef Tablecast::tables += { "E2e::counts", "E2e::hosts", "E2e::short" };
redef Tablecast::announce_interval = 200msec;
redef Cluster::retry_interval = 200msec;

# A process that starts again finds its port free soon, and the others come back to it.
@ifdef ( Broker::default_listen_retry )
redef Broker::default_listen_retry = 500msec;
redef Broker::default_connect_retry = 500msec;
@endif

function is_asked(node: string): bool
	{
	return Cluster::node == "" || node == Cluster::node;
	}

function answer(nonce: string, rows: count)
	{
	Cluster::publish("e2e/out/", E2e::finished, nonce, rows);
	}

function say(nonce: string, keys: vector of string, values: vector of count)
	{
	local some_keys: vector of string = vector();
	local some_values: vector of count = vector();

	for ( i, key in keys )
		{
		some_keys += key;
		some_values += values[i];

		if ( |some_keys| == rows_per_answer )
			{
			Cluster::publish("e2e/out/", E2e::listed, nonce, some_keys, some_values);
			some_keys = vector();
			some_values = vector();
			}
		}

	if ( |some_keys| > 0 )
		Cluster::publish("e2e/out/", E2e::listed, nonce, some_keys, some_values);

	answer(nonce, |keys|);
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

	answer(nonce, 0);
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

	answer(nonce, 0);
	}

# Rows of a burst, all by one event.
event fill(node: string, nonce: string, name: string, rows: count)
	{
	if ( ! is_asked(node) )
		return;

	local at = 0;

	while ( at < rows )
		{
		counts[fmt("burst %d", at)] = at;
		++at;
		}

	answer(nonce, 0);
	}

global lose_every = 0;
global changes_heard = 0;

event lose(node: string, nonce: string, name: string, every: count)
	{
	if ( ! is_asked(node) )
		return;

	lose_every = every;
	changes_heard = 0;
	answer(nonce, 0);
	}

# Before the package counts what has arrived.
hook Cluster::apply_table_change_infos_policy(tcheader: Cluster::TableChangeHeader, tcinfos: Cluster::TableChangeInfos) &priority=200
	{
	if ( lose_every == 0 )
		return;

	++changes_heard;

	if ( changes_heard % lose_every == 0 )
		break;
	}

event show(node: string, nonce: string, name: string)
	{
	if ( ! is_asked(node) )
		return;

	local keys: vector of string = vector();
	local values: vector of count = vector();

	if ( name == "E2e::counts" )
		{
		for ( key, value in counts )
			{
			keys += key;
			values += value;
			}
		}
	else if ( name == "E2e::short" )
		{
		for ( brief, held in short )
			{
			keys += brief;
			values += held;
			}
		}
	else
		{
		for ( host in hosts )
			{
			keys += cat(host);
			values += 0;
			}
		}

	say(nonce, keys, values);
	}

event zeek_init()
	{
	Cluster::subscribe("e2e/cmd/");
	}
