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
	## a Tablecast node may ask for. Since Zeek 9.0 tables with
	## &publish_on_change are found by themselves; before, each is named here.
	const tables: set[string] = set() &redef;

	## Find tables with &publish_on_change, where this Zeek tells attributes.
	const find_tables = T &redef;

	## Full names of tables that are not found.
	const left_out: set[string] = set() &redef;

	## What a name of a type stands for that is neither a record nor an enum, as
	## in ["Site::Host"] = "addr". Zeek tells of records and enums by itself.
	const type_aliases: table[string] of string = table() &redef;

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

	## A type that a table mentions by its name.
	type NamedType: record {
		name: string;
		## In the words of a script, as in "enum { Site::LOW, Site::HIGH }".
		text: string;
	};

	type NamedTypes: vector of NamedType;

	## What a table is.
	type TableDescription: record {
		table_name: string;
		## As in "table[addr,port] of Site::Sighting".
		type_text: string;
		types: NamedTypes;
		## "create", "write" or "": which clock lets rows go, if this Zeek tells.
		expiry: string;
		## After how long, as in "1.0 day".
		expires_after: string;
		## Whether &publish_on_change names a topic, which this does not tell.
		own_topic: bool;
	};

	type TableDescriptions: vector of TableDescription;

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

	## Sent to Tablecast with it, where tables were found that no script names in
	## :zeek:see:`Tablecast::tables`: the same of these.
	global tables_found: event(name: string, id: string, reply_to: string, wanted: vector of string);

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

	## Sent by Tablecast to the topic of one node: which tables are there, and what are they?
	global descriptions_wanted: event(node: string);

	## Sent by Zeek: a part of the answer.
	##
	## name: the node's name, empty without a cluster.
	##
	## id: its node id.
	##
	## node: the Tablecast node that asked.
	##
	## part: which one, from 1.
	##
	## parts: how many there are.
	global described: event(name: string, id: string, node: string, part: count, parts: count,
	                        tables: TableDescriptions);

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

# The names in Tablecast::tables that exist, and the tables that were found.
global present_tables: set[string] = set();

# What they are, in parts of so many, once somebody has asked.
global descriptions: vector of TableDescriptions = vector();
global is_described = F;
const descriptions_per_event = 50;

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

# The expression of an attribute, "" without the attribute. Before Zeek 9.0 nothing is told of attributes.
function attribute_text(info: script_id, name: string): string
	{
@ifdef ( script_id_attr )
	if ( info?$attributes )
		{
		for ( _, attr in info$attributes )
			{
			if ( attr$name == name )
				return attr?$expr && attr$expr != "" ? attr$expr : "<none>";
			}
		}
@endif

	return "";
	}

# The names in a text that may be those of types.
function names_in(text: string): string_vec
	{
	return find_all_ordered(text, /[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*/);
	}

function enum_text(labels: string_set): string
	{
	local names: string_vec = vector();

	for ( label in labels )
		names += /::/ in label ? label : cat("GLOBAL::", label);

	return cat("enum { ", join_string_vec(names, ", "), " }");
	}

# Fields come in the order in which they are declared, with "record " and "enum " before names of such types.
function record_text(fields: record_field_table): string
	{
	local text = "record {";

	for ( field_name, field in fields )
		text += fmt(" %s: %s%s;", field_name, gsub(field$type_name, /(record|enum) /, ""),
		            field$optional ? " &optional" : "");

	return cat(text, " }");
	}

# Adds what the types are that a text mentions, and those that these mention.
function add_types(text: string, known: id_table, found: table[string] of string)
	{
	for ( _, word in names_in(text) )
		{
		if ( word in found )
			next;

		if ( word in type_aliases )
			found[word] = type_aliases[word];
		else
			{
			# The type of a type is its own name.
			if ( word !in known || known[word]$type_name != word )
				next;

			local labels = enum_names(word);

			if ( |labels| > 0 )
				{
				found[word] = enum_text(labels);
				next;
				}

			local fields = record_fields(word);

			if ( |fields| == 0 )
				{
				Reporter::warning(fmt("%s is neither a record nor an enum: say in Tablecast::type_aliases what it is", word));
				next;
				}

			found[word] = record_text(fields);
			}

		add_types(found[word], known, found);
		}
	}

# The text of an interval, where a constant is named its value.
function interval_text(text: string, known: id_table): string
	{
	if ( text in known && known[text]?$value && ( known[text]$value is interval ) )
		return cat(known[text]$value as interval);

	return text;
	}

function has_own_topic(text: string, known: id_table): bool
	{
	if ( text in known && known[text]?$value && ( known[text]$value is Cluster::PublishOnChangeAttr ) )
		{
		local attr = known[text]$value as Cluster::PublishOnChangeAttr;
		return attr?$topic;
		}

	return /topic=/ in text && /topic=<uninitialized>/ !in text;
	}

function description_of(id: string, known: id_table): TableDescription
	{
	local info = known[id];
	local found: table[string] of string = table();
	add_types(info$type_name, known, found);
	local types: NamedTypes = vector();

	for ( name, text in found )
		types += NamedType($name=name, $text=text);

	local description = TableDescription($table_name=id, $type_text=info$type_name, $types=types, $expiry="",
	    $expires_after="", $own_topic=has_own_topic(attribute_text(info, "&publish_on_change"), known));
	local create = attribute_text(info, "&create_expire");
	local write = attribute_text(info, "&write_expire");

	# A row that such a function may keep goes when Zeek says so.
	if ( attribute_text(info, "&expire_func") != "" )
		return description;

	if ( create != "" )
		{
		description$expiry = "create";
		description$expires_after = interval_text(create, known);
		}
	else if ( write != "" )
		{
		description$expiry = "write";
		description$expires_after = interval_text(write, known);
		}

	return description;
	}

function find_present_tables(known: id_table)
	{
	for ( id in tables )
		{
		if ( id in known )
			add present_tables[id];
		else
			Reporter::warning(fmt("Tablecast::tables names %s, which does not exist", id));
		}

	if ( ! find_tables )
		return;

	for ( id, info in known )
		{
		if ( id !in left_out && attribute_text(info, "&publish_on_change") != "" )
			add present_tables[id];
		}
	}

function describe_present_tables(known: id_table)
	{
	local part: TableDescriptions = vector();

	for ( id in present_tables )
		{
		part += description_of(id, known);

		if ( |part| == descriptions_per_event )
			{
			descriptions[|descriptions|] = part;
			part = vector();
			}
		}

	if ( |part| > 0 )
		descriptions[|descriptions|] = part;
	}

# Not in zeek_init: a name that is neither a record nor an enum is an error for record_fields(), and an error there ends Zeek.
event descriptions_wanted(node: string)
	{
	local answer_topic = fmt("%s%s/", pulse_topic, node);

	if ( ! is_described )
		{
		is_described = T;
		describe_present_tables(global_ids());
		}

	for ( i, part in descriptions )
		Cluster::publish(answer_topic, Tablecast::described, Cluster::node, Cluster::node_id(), node,
		                 i + 1, |descriptions|, part);
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
	if ( is_acknowledged || |present_tables| == 0 )
		return;

	local wanted: vector of string = vector();
	local found: vector of string = vector();

	for ( id in present_tables )
		{
		if ( id in tables )
			wanted += id;
		else
			found += id;
		}

	Cluster::publish(announce_topic, Tablecast::node_started, Cluster::node, Cluster::node_id(), reply_topic(), wanted);

	if ( |found| > 0 )
		Cluster::publish(announce_topic, Tablecast::tables_found, Cluster::node, Cluster::node_id(), reply_topic(), found);

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

	find_present_tables(global_ids());
	Cluster::subscribe(status_topic);
	Cluster::subscribe(reply_topic());
	schedule announce_interval { Tablecast::announce() };
	schedule pulse_interval { Tablecast::beat() };
	}
