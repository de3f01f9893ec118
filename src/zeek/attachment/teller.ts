import type { NodeEvent } from '../../events.ts';
import type { ZeekHost } from '../host.ts';
import { type Notice, Notices } from './notices.ts';
import { type StatusState, statusFrame } from './script-events.ts';

/** Is what Zeek answers to an event that none of its scripts declares. */
const UNKNOWN_EVENT = 'failed to create Zeek event';

const STATES: ReadonlyMap<NodeEvent['code'], StatusState> = new Map<NodeEvent['code'], StatusState>([
  ['zeek-diverged', 'diverged'],
  ['zeek-refused', 'refused'],
]);

/** A status is what is said of an attachment in Zeek's own log. */
export interface Status {
  readonly table?: string | undefined;
  readonly rows: number;
  readonly detail: string;
}

/** Tells the users of a node, and those of Zeek, how an attachment fares. */
export class Teller {
  readonly #host: ZeekHost;
  readonly #cluster: string | undefined;
  readonly #notices: Notices;
  readonly #send: (frame: string) => boolean;
  /** Says whether Zeek has loaded the script package, which alone knows of statuses. */
  #scripts: 'unknown' | 'loaded' | 'missing' = 'unknown';
  /** Frames for the script package that Zeek may answer with an error. */
  #doubtful = 0;

  constructor(
    host: ZeekHost,
    options: {
      readonly cluster: string | undefined;
      readonly intervalMs: number;
      send(frame: string): boolean;
    },
  ) {
    this.#host = host;
    this.#cluster = options.cluster;
    this.#send = (frame) => options.send(frame);
    this.#notices = new Notices(host.environment, {
      intervalMs: options.intervalMs,
      tell: (event, count) => {
        this.report(event);
        const state = STATES.get(event.code);
        if (state !== undefined)
          this.status(state, { table: event.table, rows: count, detail: event.message });
      },
    });
  }

  report(event: NodeEvent): void {
    const cluster = this.#cluster;
    this.#host.report(cluster === undefined ? event : { ...event, details: { ...event.details, cluster } });
  }

  /** Reports something that may happen very often. */
  note(notice: Notice): void {
    this.#notices.note(notice);
  }

  /** Has a line written to Zeek's log, if it keeps one. */
  status(state: StatusState, about: Status): void {
    this.sendToScripts(statusFrame(this.#host.id, state, about));
  }

  /** Sends a frame that only the script package understands, unless it is known to be missing. */
  sendToScripts(frame: string): boolean {
    if (this.#scripts === 'missing' || !this.#send(frame)) return false;
    if (this.#scripts === 'unknown') this.#doubtful += 1;
    return true;
  }

  /** Another Zeek may answer. */
  connected(): void {
    this.#scripts = 'unknown';
    this.#doubtful = 0;
  }

  scriptsLoaded(): void {
    this.#scripts = 'loaded';
    this.#doubtful = 0;
  }

  get lacksScripts(): boolean {
    return this.#scripts === 'missing';
  }

  /** Returns whether an error of Zeek's only says that it has not loaded the script package. */
  isMissingPackage(message: string): boolean {
    if (this.#doubtful === 0 || !message.includes(UNKNOWN_EVENT)) return false;
    this.#doubtful -= 1;
    this.#scripts = 'missing';
    return true;
  }

  /** Tells what was gathered. */
  flush(): void {
    this.#notices.flush();
  }
}
