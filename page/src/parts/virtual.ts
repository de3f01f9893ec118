import type { RefObject } from 'preact';
import { useLayoutEffect, useReducer } from 'preact/hooks';

/** Browsers draw no element higher than some 17 to 33 million pixels: a longer list scrolls in larger steps. */
const MOST_PIXELS = 16_000_000;
/** Rows drawn beyond those in sight, on either side, so that none is missing while it is scrolled. */
const BEYOND = 8;

/** Rows of one height, of which only those in sight are drawn. */
export interface VirtualRows {
  /** What is drawn: which row, and how far from the top of the list's element. */
  readonly items: readonly { readonly index: number; readonly top: number }[];
  /** Height of the list's element. */
  readonly height: number;
  readonly first: number;
  readonly last: number;
  scrollTo(index: number): void;
}

/** Which rows of a long list are in sight of an element that scrolls, below a head of the height of a row that stays. */
export function useVirtualRows(
  scroller: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
): VirtualRows {
  const [, redraw] = useReducer<number, undefined>((drawn) => drawn + 1, 0);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const again = (): void => redraw(undefined);
    element.addEventListener('scroll', again, { passive: true });
    const sized = new ResizeObserver(again);
    sized.observe(element);
    return () => {
      element.removeEventListener('scroll', again);
      sized.disconnect();
    };
  }, []);

  const height = Math.min(count * rowHeight, MOST_PIXELS);
  const element = scroller.current;
  const seen = Math.max(0, (element?.clientHeight ?? 0) - rowHeight);
  // Pixels of the list for each pixel that the element scrolls.
  const scale = height <= seen ? 1 : (count * rowHeight - seen) / (height - seen);
  const scrolled = Math.min(element?.scrollTop ?? 0, Math.max(0, height - seen));
  const offset = scrolled * scale;
  const first = Math.max(0, Math.floor(offset / rowHeight) - BEYOND);
  const last = Math.min(count, Math.ceil((offset + seen) / rowHeight) + BEYOND) - 1;
  const items = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => ({
    index: first + index,
    top: (first + index) * rowHeight - offset + scrolled,
  }));
  const scrollTo = (index: number): void => {
    const latest = index * rowHeight;
    const earliest = latest + rowHeight - seen;
    if (element === null || (offset >= earliest && offset <= latest)) return;
    element.scrollTop = (offset > latest ? latest : earliest) / scale;
  };
  return { items, height, first, last, scrollTo };
}
