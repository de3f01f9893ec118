import type { JSX } from 'preact';
import type { PeerStatus } from '../api/types.ts';
import { count, counted, exactly, span } from '../model/format.ts';
import type { LinkRate } from '../model/link-rates.ts';
import { peerName, type Trouble } from '../model/problems.ts';
import { Badge, Empty, Note } from '../parts/text.tsx';
import { to } from '../router.ts';
import { latest, rates, troubles } from '../state/node.ts';
import { ClusterDrawing } from './cluster-drawing.tsx';
import { STATE_TONES, clockWords, rightsWords, tripWords } from './link-words.ts';

export function ClusterView(): JSX.Element {
  const look = latest.value;
  if (look === undefined) return <></>;
  const { peers, node } = look;
  const connected = peers.filter(({ state }) => state === 'connected').length;
  return (
    <>
      <div class="view-head">
        <h1>Cluster</h1>
        <p class="soft small">
          {count(connected)} of {counted(peers.length, 'link')} of {node.id} connected.
        </p>
      </div>
      <Troubles troubles={troubles.value} ready={node.ready} />
      <section class="card" aria-labelledby="drawing">
        <h2 id="drawing">Nodes and links</h2>
        {peers.length === 0 ? (
          <Empty title="This node has no peer yet">
            <p>Start another one that dials it:</p>
            <code>
              tablecast run --id two --peer {node.address ?? 'ws://…'} --table 'name key=string value=count'
            </code>
            {node.address === null && (
              <p>This node does not listen; give it `--listen` first, or a peer to dial.</p>
            )}
          </Empty>
        ) : (
          <ClusterDrawing look={look} rates={rates.value} />
        )}
      </section>
      {peers.length > 0 && (
        <section class="card scroll-x" aria-labelledby="links" tabIndex={0}>
          <h2 id="links">Links</h2>
          <LinkTable peers={peers} rates={rates.value} />
        </section>
      )}
    </>
  );
}

function Troubles(props: {
  troubles: readonly Trouble[];
  ready: { readonly ready: boolean; readonly reasons: readonly string[] };
}): JSX.Element {
  const { troubles: wrong, ready } = props;
  if (wrong.length === 0 && ready.ready) {
    return (
      <Note tone="good">
        Nothing is wrong: every link stands, no table has diverged, the disk takes writes.
      </Note>
    );
  }
  return (
    <section class="stack" aria-label="What is wrong" aria-live="polite">
      {!ready.ready && (
        <Note tone="warn">
          <strong>The node is not ready:</strong> {ready.reasons.join('; ')}.
        </Note>
      )}
      {wrong.map(({ id, severity, what, todo, action }) => (
        <Note
          key={id}
          tone={severity}
          action={
            action && (
              <a class="button" href={to(action.path)}>
                {action.label}
              </a>
            )
          }
        >
          <strong>{what}</strong> {todo}
        </Note>
      ))}
    </section>
  );
}

function LinkTable({
  peers,
  rates: now,
}: {
  peers: readonly PeerStatus[];
  rates: ReadonlyMap<string, LinkRate>;
}): JSX.Element {
  return (
    <table class="plain-table">
      <thead>
        <tr>
          <th scope="col">Peer</th>
          <th scope="col">State</th>
          <th scope="col">Since</th>
          <th scope="col" class="number">
            Sent
          </th>
          <th scope="col" class="number">
            Received
          </th>
          <th scope="col" class="number">
            Not acknowledged
          </th>
          <th scope="col" class="number">
            Round trip
          </th>
          <th scope="col" class="number">
            Clock
          </th>
          <th scope="col">Rights here</th>
        </tr>
      </thead>
      <tbody>
        {peers.map((peer) => (
          <tr key={`${peer.direction} ${peer.address}`}>
            <th scope="row">
              {peerName(peer)}
              <div class="soft mono">
                {peer.direction} {peer.address}
              </div>
            </th>
            <td>
              <Badge tone={STATE_TONES[peer.state]}>{peer.state}</Badge>
              {peer.reason !== null && <div class="soft">{peer.reason}</div>}
            </td>
            <td title={exactly(peer.since)}>
              {span(Math.max(0, (latest.value?.node.time ?? 0) - peer.since))}
            </td>
            <td class="number">
              {count(peer.sentOperations)}
              <Rate value={now.get(peer.address)?.sent} />
            </td>
            <td class="number">
              {count(peer.receivedOperations)}
              <Rate value={now.get(peer.address)?.received} />
            </td>
            <td class="number">{count(peer.lagOperations)}</td>
            <td class="number">{tripWords(peer)}</td>
            <td class="number">{clockWords(peer)}</td>
            <td>{rightsWords(peer)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Rate({ value }: { value: number | undefined }): JSX.Element | null {
  return value === undefined ? null : <div class="soft">{count(Math.round(value))}/s</div>;
}
