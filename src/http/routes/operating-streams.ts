import { Observable } from 'rxjs/internal/Observable';
import { timer } from 'rxjs/internal/observable/timer';
import { follow } from '../../reading/follow.ts';
import type { NodeEvent } from '../../events.ts';
import { type Answer, type Asked, type Handlers, json } from '../asked.ts';
import type { TimedEvent } from '../observation.ts';
import { Problem } from '../problem.ts';
import { eventText } from '../streams/event-stream.ts';
import type { StreamSet } from '../streams/stream-set.ts';
import { tell } from '../streams/telling.ts';
import { type OperatingParts, clusterForm } from './operating.ts';

/** Says how often the cluster is told to who follows it, in milliseconds. */
const CLUSTER_MS = 1000;
/** Values that wait for a reader: of events those that are remembered anyway, of a state the latest. */
const WAITING_EVENTS = 512;
const LATEST = { limit: 1, overflow: 'drop-oldest' } as const;

/** Says that a request asks for events and not for one document. */
export function wantsStream({ request }: Asked): boolean {
  return request.headers.accept?.includes('text/event-stream') === true;
}

/** Tells each value of a state as it comes, at the reader's pace; one that waits gives way to the next. */
export function tellState<T>(
  { asked, streams, name }: { readonly asked: Asked; readonly streams: StreamSet; readonly name: string },
  state: Observable<T>,
  form: (value: T) => object,
): undefined {
  const stream = streams.open(asked);
  stream.begin(undefined);
  void tell(stream, follow(state, LATEST), (value) => eventText({ name, data: JSON.stringify(form(value)) }));
  return undefined;
}

/** The routes that tell how a node is as it changes. */
export function operatingStreams(parts: OperatingParts, streams: StreamSet): Handlers {
  return {
    getCluster: (asked) => cluster(parts, streams, asked),
    followEvents: (asked) => events(parts, streams, asked),
  };
}

function cluster(parts: OperatingParts, streams: StreamSet, asked: Asked): Answer | undefined {
  if (!wantsStream(asked)) return json(clusterForm(parts, asked.viewer));
  const told = { asked, streams, name: 'cluster' };
  return tellState(told, timer(0, CLUSTER_MS), () => clusterForm(parts, asked.viewer));
}

/** Events name tables in their words, whatever table they concern: only who may read every table is told them. */
function events({ host, observation }: OperatingParts, streams: StreamSet, asked: Asked): undefined {
  if (!asked.viewer.readsAll) {
    throw new Problem('FORBIDDEN', 'The credential shown may not read every table, and events name any.', {
      hint: "Look with a credential whose read is '*', or read the log of the node.",
    });
  }
  const { recent, coming } = observation.eventsAfter(numberIn(asked, host.life));
  const all = new Observable<TimedEvent>((subscriber) => {
    for (const timed of recent) subscriber.next(timed);
    return coming.subscribe(subscriber);
  });
  const stream = streams.open(asked);
  stream.begin(undefined);
  const values = follow(all, { limit: WAITING_EVENTS, overflow: 'drop-oldest' });
  void tell(stream, values, ({ number, time, event }) =>
    eventText({
      id: `${number}@${host.life}`,
      name: event.code,
      data: JSON.stringify(eventForm(event, time)),
    }),
  );
  return undefined;
}

/** The number behind which a reader goes on; of another life all that is remembered is new to it. */
function numberIn({ request }: Asked, life: string): number {
  const last = request.headers['last-event-id'];
  const [, digits, ofLife] = /^(\d{1,15})@(.+)$/.exec(typeof last === 'string' ? last : '') ?? [];
  return ofLife === life ? Number(digits) : 0;
}

function eventForm({ code, severity, message, table, peer, details }: NodeEvent, time: number): object {
  const hint = details?.['hint'];
  return {
    code,
    severity,
    message,
    time,
    table,
    peer,
    hint: typeof hint === 'string' ? hint : undefined,
    details,
  };
}
