# The table of zeek-load-real.ts, what workers write into it, and how long it was on its way to another Zeek node.
@load base/frameworks/cluster

module Load;

redef exit_only_after_terminate = T;

export {
	global rows: table[string] of count &publish_on_change=Tablecast::replicated;

	# Sent on load/cmd/, heard by all nodes.
	global write: event(rate: double, total: count);
	global fill: event(node: string, total: count);
	global ask: event(nonce: string);

	# Writes what is due, and comes again.
	global tick: event();

	# Answered on load/out/. Of delays there are as many as changes heard, each in a bucket of 5 percent, in microseconds.
	global told: event(nonce: string, name: string, size: count, wrote: count, heard: count, buckets: vector of count,
	                   delays: vector of count);

	# Of so many keys each worker writes one after the other.
	const keys = 1000 &redef;
}

redef Tablecast::tables += { "Load::rows" };

global begun: time;
global rate = 0.0;
global total = 0;
global wrote = 0;
global heard = 0;
global delays: table[count] of count &default=0;

function micros(): double
	{
	return time_to_double(current_time()) * 1000000.0;
	}

event tick()
	{
	local due = double_to_count(interval_to_double(current_time() - begun) * rate);
	local stamp = double_to_count(micros());

	while ( wrote < due && wrote < total )
		{
		rows[fmt("%s.%d", Cluster::node, wrote % keys)] = stamp;
		++wrote;
		}

	if ( wrote < total )
		schedule 10msec { Load::tick() };
	}

event write(rate_of_each: double, total_of_each: count)
	{
	if ( Cluster::local_node_type() != Cluster::WORKER )
		return;

	begun = current_time();
	rate = rate_of_each;
	total = total_of_each;
	event Load::tick();
	}

event fill(node: string, rows_wanted: count)
	{
	if ( node != Cluster::node )
		return;

	while ( wrote < rows_wanted )
		{
		rows[fmt("burst %d", wrote)] = wrote;
		++wrote;
		}
	}

hook Cluster::apply_table_change_infos_policy(tcheader: Cluster::TableChangeHeader, tcinfos: Cluster::TableChangeInfos) &priority=200
	{
	if ( tcheader$id != "Load::rows" )
		return;

	local now = micros();

	for ( i, info in tcinfos )
		{
		++heard;

		if ( ! info?$value )
			next;

		local delay = now - count_to_double(info$value as count);
		++delays[delay < 1.0 ? 0 : double_to_count(ln(delay) / ln(1.05))];
		}
	}

event ask(nonce: string)
	{
	local buckets: vector of count = vector();
	local counts: vector of count = vector();

	for ( bucket, changes in delays )
		{
		buckets += bucket;
		counts += changes;
		}

	Cluster::publish("load/out/", Load::told, nonce, Cluster::node, ( |rows| as count ), wrote, heard, buckets, counts);
	}

event zeek_init()
	{
	Cluster::subscribe("load/cmd/");
	}
