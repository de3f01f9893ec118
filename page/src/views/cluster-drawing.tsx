import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { PeerStatus } from '../api/types.ts';
import { authorColor } from '../model/author-color.ts';
import { brief, counted, span } from '../model/format.ts';
import { type Placed, placeNodes } from '../model/drawing.ts';
import type { LinkRate } from '../model/link-rates.ts';
import type { Look } from '../model/look.ts';
import { peerName } from '../model/problems.ts';
import { Badge, type Tone } from '../parts/text.tsx';
import { STATE_TONES, clockWords, tripWords } from './link-words.ts';

/**
 * The node in the middle, its peers around it, a line for each link: broken where the link is, thicker where more
 * goes over it. On a narrow screen a tree.
 */
export function ClusterDrawing({
  look,
  rates,
}: {
  look: Look;
  rates: ReadonlyMap<string, LinkRate>;
}): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (element.current === null) return undefined;
    const sized = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    sized.observe(element.current);
    return () => sized.disconnect();
  }, []);
  const { self, peers, height } = placeNodes(look.peers.length, width);
  return (
    <div class="drawing" ref={element} style={{ height: `${height}px` }}>
      {width > 0 && (
        <>
          <svg width={width} height={height} aria-hidden="true">
            {look.peers.map((peer, index) => (
              <Link
                key={index}
                peer={peer}
                from={self}
                to={peers[index] ?? self}
                rate={rates.get(peer.address)}
              />
            ))}
          </svg>
          <NodeCard
            at={self}
            name={look.node.id}
            tone={look.node.ready.ready ? 'good' : 'warn'}
            state="this node"
          >
            {look.tables.length} tables · position {brief(look.node.position)}
          </NodeCard>
          {look.peers.map((peer, index) => {
            const differs = keysApart(peer, look);
            return (
              <NodeCard
                key={index}
                at={peers[index] ?? self}
                name={peerName(peer)}
                tone={differs > 0 ? 'bad' : STATE_TONES[peer.state]}
                state={differs > 0 ? counted(differs, 'key differs', 'keys differ') : peer.state}
              >
                {linkWords(peer, rates.get(peer.address), look.node.time)}
              </NodeCard>
            );
          })}
        </>
      )}
    </div>
  );
}

/** Under how many keys of all tables a peer holds other rows. */
function keysApart({ nodeId }: PeerStatus, { tables }: Look): number {
  const apart = tables.flatMap(({ differing }) => differing).filter(({ peer }) => peer === nodeId);
  return apart.reduce((sum, { keys }) => sum + keys, 0);
}

function NodeCard(props: {
  at: Placed;
  name: string;
  tone: Tone;
  state: string;
  children: preact.ComponentChildren;
}): JSX.Element {
  const { at, name, tone, state, children } = props;
  return (
    <div
      class={`node-card ${tone} author-${authorColor(name)}`}
      style={{ left: `${at.x}px`, top: `${at.y}px`, width: `${at.width}px` }}
    >
      <div class="bar">
        <strong title={name}>{name}</strong>
        <Badge tone={tone}>{state}</Badge>
      </div>
      <div class="soft small number">{children}</div>
    </div>
  );
}

function Link(props: {
  peer: PeerStatus;
  from: Placed;
  to: Placed;
  rate: LinkRate | undefined;
}): JSX.Element {
  const { peer, from, to, rate } = props;
  const flow = (rate?.sent ?? 0) + (rate?.received ?? 0);
  const strokeWidth = 2 + Math.min(5, Math.log10(1 + flow));
  const className = `link ${STATE_TONES[peer.state]}${flow > 0 ? ' flows' : ''}`;
  if (to.elbow) {
    const x = from.left + 16;
    return (
      <path
        class={className}
        fill="none"
        stroke-width={strokeWidth}
        d={`M${x} ${from.bottom} V${to.y} H${to.left}`}
      />
    );
  }
  return <line class={className} stroke-width={strokeWidth} x1={from.x} y1={from.y} x2={to.x} y2={to.y} />;
}

function linkWords(peer: PeerStatus, rate: LinkRate | undefined, now: number): string {
  if (peer.state !== 'connected') return `for ${span(Math.max(0, now - peer.since))}`;
  const flow =
    rate === undefined ? '' : `↑${brief(Math.round(rate.sent))}/s ↓${brief(Math.round(rate.received))}/s`;
  const lag = peer.lagOperations > 0 ? `lag ${brief(peer.lagOperations)}` : 'no lag';
  const clock = clockWords(peer);
  return [
    flow,
    lag,
    peer.roundTripMs === null ? '' : tripWords(peer),
    clock === '—' || clock === 'together' ? '' : `clock ${clock}`,
  ]
    .filter((part) => part !== '')
    .join(' · ');
}
