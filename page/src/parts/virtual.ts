import { Virtualizer, type VirtualizerOptions, observeElementRect } from '@tanstack/virtual-core';
import { type RefObject } from 'preact';
import { useLayoutEffect, useReducer, useState } from 'preact/hooks';

/** Browsers draw no element higher than some 17 to 33 million pixels: a longer list scrolls in larger steps. */
const MOST_PIXELS = 16_000_000;

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
  const height = Math.min(count * rowHeight, MOST_PIXELS);
  /** Pixels of the list for each pixel that the element scrolls. */
  const scale = (element: HTMLElement): number => {
    const seen = element.clientHeight - rowHeight;
    return height <= seen ? 1 : Math.max(1, (count * rowHeight - seen) / (height - seen));
  };
  const options: VirtualizerOptions<HTMLElement, Element> = {
    count,
    estimateSize: () => rowHeight,
    getScrollElement: () => scroller.current,
    overscan: 8,
    observeElementRect,
    observeElementOffset: (_, tell) => {
      const element = scroller.current;
      if (element === null) return undefined;
      const scrolled = (): void => tell(element.scrollTop * scale(element), false);
      scrolled();
      element.addEventListener('scroll', scrolled, { passive: true });
      return () => element.removeEventListener('scroll', scrolled);
    },
    scrollToFn: (offset) => {
      const element = scroller.current;
      if (element !== null) element.scrollTop = offset / scale(element);
    },
    onChange: () => redraw(undefined),
  };
  const [virtualizer] = useState(() => new Virtualizer(options));
  virtualizer.setOptions(options);
  // The two calls by which the library's own adapters join it to their framework.
  // oxlint-disable-next-line no-underscore-dangle
  useLayoutEffect(() => virtualizer._didMount(), []);
  // oxlint-disable-next-line no-underscore-dangle
  useLayoutEffect(() => virtualizer._willUpdate());

  const element = scroller.current;
  const offset = virtualizer.scrollOffset ?? 0;
  const shift = element === null ? 0 : element.scrollTop - offset;
  const items = virtualizer.getVirtualItems().map(({ index, start }) => ({ index, top: start + shift }));
  return {
    items,
    height,
    first: items[0]?.index ?? 0,
    last: items.at(-1)?.index ?? 0,
    scrollTo: (index) => {
      if (element === null) return;
      const at = element.scrollTop * scale(element);
      const seen = element.clientHeight - rowHeight;
      const latest = index * rowHeight;
      const earliest = latest + rowHeight - seen;
      if (at >= earliest && at <= latest) return;
      element.scrollTop = (at > latest ? latest : earliest) / scale(element);
    },
  };
}
