##! Attaches tables with &publish_on_change to a Tablecast node.
##!
##! The node connects to the Cluster WebSocket API. It hears every change that
##! the tables publish, keeps it, and publishes what others changed. This script
##! adds what the attribute does not have: it says when a Zeek node starts, so
##! that its empty tables are filled again, and it logs how that went.

@load base/frameworks/cluster

module Tablecast;

export {
	redef enum Log::ID += { LOG };

	## One line of tablecast.log.
	type Info: record {
		## When it was reported.
		ts: time &log;
		## The Tablecast node that reported it.
		node: string &log;
		## The table, by its full name; unset if it concerns all.
		table_name: string &log &optional;
		## attached, refilled, diverged, refused or detached.
		state: string &log;
		## How many rows it concerns.
		rows: count &log &optional;
		## In words.
		detail: string &log &optional;
	};

	## Full names of the tables to fill when this node starts.
	const tables: set[string] = set() &redef;

	## How often a start is announced until a Tablecast node answers.
	const announce_interval = 2sec &redef;

	## Where starts are announced.
	const announce_topic = "tablecast/announce/" &redef;

	## Where Tablecast nodes report.
	const status_topic = "tablecast/status/" &redef;

	## For &publish_on_change: every kind of change, in batches.
	const replicated = Cluster::PublishOnChangeAttr(
		$changes=set(TABLE_ELEMENT_NEW, TABLE_ELEMENT_CHANGED, TABLE_ELEMENT_REMOVED, TABLE_ELEMENT_EXPIRED));

	## For &publish_on_change of tables whose rows every node expires by itself.
	const replicated_without_expiry = Cluster::PublishOnChangeAttr(
		$changes=set(TABLE_ELEMENT_NEW, TABLE_ELEMENT_CHANGED, TABLE_ELEMENT_REMOVED));

	## Sent to Tablecast: this node has started and its tables are empty.
	##
	## name: the node's name, empty without a cluster.
	##
	## id: its node id, new with each start.
	##
	## reply_to: a topic that only this node subscribes to.
	##
	## wanted: full names of the tables to fill.
	global node_started: event(name: string, id: string, reply_to: string, wanted: vector of string);

	## Sent by Tablecast to the reply topic: the announcement has arrived, filling begins.
	global acknowledged: event(node: string, id: string);

	## Sent by Tablecast to the reply topic: all rows of a table have been sent before this.
	global refilled: event(node: string, table_name: string, rows: count);

	## Sent by Tablecast to the status topic.
	global status: event(node: string, table_name: string, state: string, rows: count, detail: string);

	## Announces this start, again and again until it is acknowledged.
	global announce: event();

	## The topic on which only this node is told something.
	global reply_topic: function(): string;
}

global is_acknowledged = F;

function reply_topic(): string
	{
	return fmt("tablecast/node/%s/", Cluster::node_id());
	}

# One node writes what all nodes hear.
function is_reporter(): bool
	{
	return ! Cluster::is_enabled() || Cluster::local_node_type() == Cluster::MANAGER;
	}

event announce()
	{
	if ( is_acknowledged || |tables| == 0 )
		return;

	local wanted: vector of string = vector();

	for ( id in tables )
		wanted += id;

	Cluster::publish(announce_topic, Tablecast::node_started, Cluster::node, Cluster::node_id(), reply_topic(), wanted);
	schedule announce_interval { Tablecast::announce() };
	}

event acknowledged(node: string, id: string)
	{
	if ( id == Cluster::node_id() )
		is_acknowledged = T;
	}

event refilled(node: string, table_name: string, rows: count)
	{
	Log::write(Tablecast::LOG, Info($ts=network_time(), $node=node, $table_name=table_name,
	                                $state="refilled", $rows=rows,
	                                $detail=fmt("node %s", Cluster::node)));
	}

event status(node: string, table_name: string, state: string, rows: count, detail: string)
	{
	if ( ! is_reporter() )
		return;

	local info = Info($ts=network_time(), $node=node, $state=state, $rows=rows, $detail=detail);

	if ( table_name != "" )
		info$table_name = table_name;

	Log::write(Tablecast::LOG, info);
	}

event zeek_init()
	{
	Log::create_stream(Tablecast::LOG, [$columns=Info, $path="tablecast"]);

	local known = global_ids();

	for ( id in tables )
		{
		if ( id !in known )
			Reporter::warning(fmt("Tablecast::tables names %s, which does not exist", id));
		}

	Cluster::subscribe(status_topic);
	Cluster::subscribe(reply_topic());
	schedule announce_interval { Tablecast::announce() };
	}
