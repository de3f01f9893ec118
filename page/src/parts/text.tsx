import type { ComponentChildren, JSX } from 'preact';
import type { ApiProblem } from '../api/problem.ts';
import { authorColor } from '../model/author-color.ts';
import { exactly, moment, nodeOf } from '../model/format.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'plain';

/** A word or two, coloured by what it means. */
export function Badge({
  tone,
  children,
  title,
}: {
  tone: Tone;
  children: ComponentChildren;
  title?: string;
}): JSX.Element {
  return (
    <span class={`badge ${tone}`} title={title}>
      {children}
    </span>
  );
}

/** What is the matter, and what to do. */
export function Note(props: {
  tone: Tone;
  children: ComponentChildren;
  action?: ComponentChildren;
}): JSX.Element {
  return (
    <div class={`note ${props.tone}`}>
      <div class="grow">{props.children}</div>
      {props.action}
    </div>
  );
}

/** An error in the node's own words, with its hint. */
export function Problem({
  problem,
  action,
}: {
  problem: ApiProblem;
  action?: ComponentChildren;
}): JSX.Element {
  return (
    <div role="alert">
      <Note tone="bad" action={action}>
        <strong>{problem.message}</strong> {problem.hint} <span class="soft mono">{problem.code}</span>
      </Note>
    </div>
  );
}

/** What stands where nothing is: what it means, and what to do. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

/** Who wrote something: the node, and its life for hovering. */
export function Author({ origin }: { origin: string }): JSX.Element {
  const node = nodeOf(origin);
  return (
    <span class="author" title={origin}>
      <svg class={`author-${authorColor(node)}`} width="10" height="10" aria-hidden="true">
        <rect x="1" y="1" width="8" height="8" rx="2" fill="currentColor" />
      </svg>
      {node}
    </span>
  );
}

/** When something was written, in the reader's time zone. */
export function When({ time }: { time: number }): JSX.Element {
  return (
    <time class="number" dateTime={exactly(time)} title={exactly(time)}>
      {moment(time)}
    </time>
  );
}
