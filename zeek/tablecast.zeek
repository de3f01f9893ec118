##! Attaches tables with &publish_on_change to a Tablecast node.
##!
##! The node connects to the Cluster WebSocket API. It hears every change that
##! the tables publish, keeps it, and publishes what others changed. This script
##! adds what the attribute does not have: it says when a Zeek node starts, so
##! that its empty tables are filled again; it tells what the tables hold, so
##! that a Tablecast node that was away learns what it missed; and it logs how
##! that went.

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
		## attached, refilled, caught-up, diverged, refused or detached.
		state: string &log;
		## How many rows it concerns.
		rows: count &log &optional;
		## In words.
		detail: string &log &optional;
	};

	## Full names of the tables to fill when this node starts, and whose rows
	## a Tablecast node may ask for.
	const tables: set[string] = set() &redef;

	## How often a start is announced until a Tablecast node answers.
	const announce_interval = 2sec &redef;

	## Where starts are announced.
	const announce_topic = "tablecast/announce/" &redef;

	## Where Tablecast nodes report.
	const status_topic = "tablecast/status/" &redef;

	## Under this topic a Tablecast node hears the rows it asked for.
	const content_topic = "tablecast/content/" &redef;

	## Rows per event when a Tablecast node asks for a table.
	const content_batch_size = 1000 &redef;

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

	## Sent by Tablecast to the topic of one node: what does this table hold?
	## The answer is :zeek:see:`Tablecast::content_begins`, the rows as
	## Cluster::table_change_infos, and :zeek:see:`Tablecast::content_ends`, all to
	## a topic made of :zeek:see:`Tablecast::content_topic`, *node* and *question*.
	##
	## node: the Tablecast node that asks.
	##
	## table_name: full name of the table.
	##
	## question: what the answer is known by, new with each question.
	##
	## max_rows: a table with more rows is not sent.
	global content_wanted: event(node: string, table_name: string, question: string, max_rows: count);

	## Sent by Zeek: the rows follow.
	##
	## name: the node's name, empty without a cluster.
	##
	## id: its node id.
	##
	## rows: how many rows the table has.
	global content_begins: event(name: string, id: string, table_name: string, question: string, rows: count);

	## Sent by Zeek: all rows have been sent before this, or, with *complete* F, cannot be.
	global content_ends: event(id: string, table_name: string, question: string, complete: bool);

	## Announces this start, again and again until it is acknowledged.
	global announce: event();

	## The topic on which only this node is told something.
	global reply_topic: function(): string;
}

global is_acknowledged = F;

# The names in Tablecast::tables that exist.
global present_tables: set[string] = set();

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
	                                $detail=fmt("node %s", Cluster::node == "" ? Cluster::node_id() : Cluster::node)));
	}

event content_wanted(node: string, table_name: string, question: string, max_rows: count)
	{
	local answer_topic = fmt("%s%s/%s/", content_topic, node, question);
	local id = Cluster::node_id();
	local complete = F;

	if ( table_name in present_tables )
		{
		local held = lookup_ID(table_name);
		local rows = ( |held| as count );
		Cluster::publish(answer_topic, Tablecast::content_begins, Cluster::node, id, table_name, question, rows);

		# One event at a time is handled, so these are the rows of one moment.
		if ( rows <= max_rows )
			complete = Cluster::publish_table(answer_topic, held, content_batch_size);
		}

	Cluster::publish(answer_topic, Tablecast::content_ends, id, table_name, question, complete);
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
		if ( id in known )
			add present_tables[id];
		else
			Reporter::warning(fmt("Tablecast::tables names %s, which does not exist", id));
		}

	Cluster::subscribe(status_topic);
	Cluster::subscribe(reply_topic());
	schedule announce_interval { Tablecast::announce() };
	}
