##! Attaches tables with &publish_on_change to a Tablecast node.
##!
##! The node connects to the Cluster WebSocket API. It hears every change that
##! the tables publish, keeps it, and publishes what others changed. This script
##! adds what the attribute does not have: it says when a Zeek node starts, so
##! that its empty tables are filled again; it tells what the tables hold, so
##! that a Tablecast node that was away learns what it missed; it counts what was
##! published and what arrived, so that nothing is lost without a word; and it
##! logs how that went.

@load base/frameworks/cluster
@load base/frameworks/telemetry

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

	## How often a node says how many rows its tables have, and how many changes
	## it published and heard.
	const pulse_interval = 2sec &redef;

	## Under this topic it does.
	const pulse_topic = "tablecast/pulse/" &redef;

	## Changes per event that the tables publish. Zeek's own default, 10, makes
	## 20,000 events of 200,000 changes, which a ZeroMQ cluster drops in part.
	const batch_size = 500 &redef;

	## For &publish_on_change: every kind of change, in batches.
	const replicated = Cluster::PublishOnChangeAttr(
		$changes=set(TABLE_ELEMENT_NEW, TABLE_ELEMENT_CHANGED, TABLE_ELEMENT_REMOVED, TABLE_ELEMENT_EXPIRED),
		$max_batch_size=batch_size);

	## For &publish_on_change of tables whose rows every node expires by itself.
	const replicated_without_expiry = Cluster::PublishOnChangeAttr(
		$changes=set(TABLE_ELEMENT_NEW, TABLE_ELEMENT_CHANGED, TABLE_ELEMENT_REMOVED),
		$max_batch_size=batch_size);

	## How many rows a table has.
	type RowTally: record {
		table_name: string;
		rows: count;
	};

	## How many events with changes this node has published to a topic since it started.
	type PublishedTally: record {
		topic: string;
		events: count;
	};

	## How many changes of a table this node has heard from a Tablecast node.
	type HeardTally: record {
		node: string;
		table_name: string;
		changes: count;
	};

	type RowTallies: vector of RowTally;
	type PublishedTallies: vector of PublishedTally;
	type HeardTallies: vector of HeardTally;

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

	## Sent by Zeek, again and again: what a Tablecast node compares with what it
	## heard and sent, to find what was lost on its way.
	##
	## name: the node's name, empty without a cluster.
	##
	## id: its node id.
	##
	## numbered: whether *published* counts what this node published, all of it and
	## nothing else.
	##
	## rows: of each table.
	##
	## published: by topic.
	##
	## heard: by Tablecast node and table.
	global pulse: event(name: string, id: string, numbered: bool, rows: RowTallies,
	                    published: PublishedTallies, heard: HeardTallies);

	## Sent by Tablecast to the topic of one node: say when everything sent before this was handled.
	global echo_wanted: event(node: string, number: count);

	## Sent by Zeek: the answer.
	global echoed: event(id: string, node: string, number: count);

	## Announces this start, again and again until it is acknowledged.
	global announce: event();

	## Sends a pulse now and again and again.
	global beat: event();

	## The topic on which only this node is told something.
	global reply_topic: function(): string;
}

# What this node publishes is counted by topic.
redef Cluster::Telemetry::core_metrics += { Cluster::Telemetry::VERBOSE };

# Not by each question and each node.
redef Cluster::Telemetry::topic_normalizations += {
	[/^tablecast\/content\/.*/] = "tablecast/content/__normalized__",
	[/^tablecast\/node\/.*/] = "tablecast/node/__normalized__",
};

global is_acknowledged = F;

# A Tablecast node has said that it is there, perhaps after this node had started.
global is_attached = F;

# Changes heard, by Tablecast node and table. A Tablecast node has a new name with each of its lives.
global heard_changes: table[string, string] of count &default=0 &write_expire=1day;

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

# Through Broker a worker's changes go out in the manager's name, so neither can count its own.
function is_numbered(): bool
	{
	return Cluster::backend != Cluster::CLUSTER_BACKEND_BROKER || ! Cluster::is_enabled();
	}

function row_tallies(): RowTallies
	{
	local tallies: RowTallies = vector();

	for ( id in present_tables )
		{
		local held = lookup_ID(id);
		tallies += RowTally($table_name=id, $rows=( |held| as count ));
		}

	return tallies;
	}

function published_tallies(): PublishedTallies
	{
	local tallies: PublishedTallies = vector();
	local metrics = Telemetry::collect_metrics("zeek", "cluster_core_verbose_outgoing_events*");

	for ( i, metric in metrics )
		{
		local topic = "";
		local handler = "";

		for ( j, label in metric$label_names )
			{
			if ( label == "topic" )
				topic = metric$label_values[j];
			else if ( label == "handler" )
				handler = metric$label_values[j];
			}

		if ( handler == "Cluster::table_change_infos" && metric?$value )
			tallies += PublishedTally($topic=topic, $events=double_to_count(metric$value));
		}

	return tallies;
	}

function heard_tallies(): HeardTallies
	{
	local tallies: HeardTallies = vector();

	for ( [node, table_name], changes in heard_changes )
		tallies += HeardTally($node=node, $table_name=table_name, $changes=changes);

	return tallies;
	}

function send_pulse()
	{
	Cluster::publish(pulse_topic, Tablecast::pulse, Cluster::node, Cluster::node_id(), is_numbered(),
	                 row_tallies(), published_tallies(), heard_tallies());
	}

event beat()
	{
	if ( is_acknowledged || is_attached )
		send_pulse();

	schedule pulse_interval { Tablecast::beat() };
	}

event echo_wanted(node: string, number: count)
	{
	Cluster::publish(fmt("%s%s/", pulse_topic, node), Tablecast::echoed, Cluster::node_id(), node, number);
	}

# Counts before a hook of the user's may refuse the changes.
hook Cluster::apply_table_change_infos_policy(tcheader: Cluster::TableChangeHeader, tcinfos: Cluster::TableChangeInfos) &priority=100
	{
	if ( starts_with(tcheader$node_id, "tablecast:") )
		heard_changes[tcheader$node_id, tcheader$id] += |tcinfos|;
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
	if ( state == "attached" )
		{
		is_attached = T;
		send_pulse();
		}

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
	schedule pulse_interval { Tablecast::beat() };
	}
