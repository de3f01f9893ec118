/** Where a node stands in the drawing: the middle of its card, and the card's edges, in pixels. */
export interface Placed {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly left: number;
  readonly bottom: number;
  /** Whether the link comes from the side, as in a tree. */
  readonly elbow: boolean;
}

const CARD_WIDTH = 232;
const CARD_HEIGHT = 64;
const GAP = 16;
/** From this width on the peers stand around the node, as long as no card stands over another. */
const ROUND_FROM = 760;
const MOST_ROUND = 12;

/** Where a node and so many peers stand on a drawing of a given width. */
export function placeNodes(
  peers: number,
  width: number,
): { readonly self: Placed; readonly peers: readonly Placed[]; readonly height: number } {
  const round = width >= ROUND_FROM && peers <= MOST_ROUND ? around(peers, width) : undefined;
  return round !== undefined && areApart([round.self, ...round.peers]) ? round : asTree(peers, width);
}

function areApart(cards: readonly Placed[]): boolean {
  return cards.every((one, index) =>
    cards
      .slice(index + 1)
      .every(
        (other) =>
          Math.abs(one.x - other.x) >= (one.width + other.width) / 2 ||
          Math.abs(one.y - other.y) >= CARD_HEIGHT,
      ),
  );
}

function placed(x: number, y: number, width: number, elbow = false): Placed {
  return { x, y, width, left: x - width / 2, bottom: y + CARD_HEIGHT / 2, elbow };
}

function around(peers: number, width: number): ReturnType<typeof placeNodes> {
  const height = peers <= 2 ? 132 : Math.min(520, 220 + 44 * peers);
  const radiusX = Math.min(width / 2 - CARD_WIDTH / 2, 520);
  const radiusY = height / 2 - CARD_HEIGHT / 2 - 4;
  const middle = placed(width / 2, height / 2, CARD_WIDTH);
  const others = Array.from({ length: peers }, (_, index) => {
    // The first to the right, so that two stand beside the node and four on its axes.
    const angle = (2 * Math.PI * index) / Math.max(peers, 2);
    return placed(middle.x + radiusX * Math.cos(angle), middle.y + radiusY * Math.sin(angle), CARD_WIDTH);
  });
  return { self: middle, peers: others, height };
}

function asTree(peers: number, width: number): ReturnType<typeof placeNodes> {
  const step = CARD_HEIGHT + GAP;
  const indent = 36;
  const selfWidth = Math.min(CARD_WIDTH, width);
  const peerWidth = Math.max(120, Math.min(360, width - indent));
  const self = placed(selfWidth / 2, CARD_HEIGHT / 2, selfWidth);
  const others = Array.from({ length: peers }, (_, index) =>
    placed(indent + peerWidth / 2, CARD_HEIGHT / 2 + step * (index + 1), peerWidth, true),
  );
  return { self, peers: others, height: CARD_HEIGHT + step * peers };
}
