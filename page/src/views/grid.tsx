import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Cell, Row, TableStatus } from '../api/types.ts';
import { type Column, keyCells, keyColumns, shown, valueColumn } from '../model/cells.ts';
import { moved } from '../model/grid-keys.ts';
import { Author, Badge, When } from '../parts/text.tsx';
import { useVirtualRows } from '../parts/virtual.ts';
import type { RowPages } from '../state/row-pages.ts';
import { rowPlace } from './places.ts';

const ROW_HEIGHT = 30;
/** Text beyond this is cut in the grid; the row's life shows all of it. */
const CELL_CHARACTERS = 200;

type Sort = 'key' | 'value' | 'origin' | 'time';

/** By which column rows stand, a minus before it for downwards; undefined: in the order in which they appeared. */
interface Sorting {
  readonly sort: string | undefined;
  readonly setSort: (sort: string | undefined) => void;
}

interface GridProps extends Sorting {
  readonly table: TableStatus;
  readonly pages: RowPages;
  readonly open: Cell | undefined;
}

/** Rows under their heads, of which only those in sight are drawn; with the keys of a grid. */
export function Grid({ table, pages, sort, setSort, open }: GridProps): JSX.Element {
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(0);
  // Pages are the same while rows come: what says that they came is their version.
  void pages.version.value;
  const total = pages.total ?? 0;
  const rows = useVirtualRows(scroller, total, ROW_HEIGHT);
  useEffect(() => pages.show(rows.first, rows.last), [pages, rows.first, rows.last, total]);
  const style = columnStyle(table);
  const opening = useOpening(table.name, pages);
  const move = (index: number): void => {
    opening.want(undefined);
    const next = Math.max(0, Math.min(total - 1, index));
    setActive(next);
    rows.scrollTo(next);
  };
  const openRow = (index: number): void => {
    setActive(index);
    opening.want(index);
  };
  const inSight = rows.items.some(({ index }) => index === active);
  return (
    <div
      class="grid"
      role="grid"
      aria-label={`Rows of ${table.name}`}
      aria-rowcount={total + 1}
      aria-colcount={columnCount(table)}
      tabIndex={0}
      ref={scroller}
      {...(inSight ? { 'aria-activedescendant': `row-${active}` } : {})}
      onKeyDown={(event) => {
        if (event.target !== event.currentTarget) return;
        const next = moved(
          event.key,
          active,
          Math.floor(event.currentTarget.clientHeight / ROW_HEIGHT) - 2,
          total,
        );
        if (next !== undefined) move(next);
        else if (event.key === 'Enter') openRow(active);
        else return;
        event.preventDefault();
      }}
    >
      <GridHead table={table} sort={sort} setSort={setSort} style={style} />
      <div class="grid-body" role="rowgroup" style={{ height: `${rows.height}px` }}>
        {rows.items.map(({ index, top }) => (
          <GridRow
            key={index}
            index={index}
            row={pages.at(index)}
            table={table}
            active={index === active}
            open={open}
            style={{ ...style, transform: `translateY(${top}px)` }}
            onOpen={() => openRow(index)}
          />
        ))}
      </div>
    </div>
  );
}

/** Opens the row that is wanted; one that is still being asked for, when it is there. */
function useOpening(table: string, pages: RowPages): { want(index: number | undefined): void } {
  const wanted = useRef<number | undefined>(undefined);
  const open = (): void => {
    const row = wanted.current === undefined ? undefined : pages.at(wanted.current);
    if (row === undefined) return;
    wanted.current = undefined;
    location.hash = rowPlace(table, row.key);
  };
  useEffect(open);
  return {
    want: (index) => {
      wanted.current = index;
      open();
    },
  };
}

function columnCount({ declaration }: TableStatus): number {
  return keyColumns(declaration).length + (declaration.value === undefined ? 2 : 3);
}

function columnStyle({ declaration }: TableStatus): Readonly<Record<string, string>> {
  const keys = keyColumns(declaration).map(() => 'minmax(7rem, 2fr)');
  const value = declaration.value === undefined ? [] : ['minmax(6rem, 2fr)'];
  return { gridTemplateColumns: [...keys, ...value, 'var(--author-column)', 'var(--when-column)'].join(' ') };
}

const AUTHOR: Column = { title: 'written by', type: '', number: false };
const WHEN: Column = { title: 'at', type: '', number: false };

function GridHead(
  props: Sorting & { table: TableStatus; style: Readonly<Record<string, string>> },
): JSX.Element {
  const { table, style, sort, setSort } = props;
  const keys = keyColumns(table.declaration);
  const value = valueColumn(table.declaration);
  const sorting = { sort, setSort };
  return (
    <div class="grid-row grid-head" role="row" aria-rowindex={1} style={style}>
      {keys.map((column, index) => (
        <Head key={index} column={column} by={index === 0 ? 'key' : undefined} {...sorting} />
      ))}
      {value !== undefined && <Head column={value} by="value" {...sorting} />}
      <Head column={AUTHOR} by="origin" {...sorting} />
      <Head column={WHEN} by="time" {...sorting} />
    </div>
  );
}

function Head(props: Sorting & { column: Column; by: Sort | undefined }): JSX.Element {
  const { column, by, sort, setSort } = props;
  const className = `cell${column.number ? ' number-cell' : ''}`;
  if (by === undefined) {
    return (
      <div class={className} role="columnheader">
        {column.title}
      </div>
    );
  }
  const now = sort === by ? 'ascending' : sort === `-${by}` ? 'descending' : 'none';
  // A third time: the order in which the rows appeared.
  const next = now === 'none' ? by : now === 'ascending' ? `-${by}` : undefined;
  return (
    <div class={className} role="columnheader" aria-sort={now}>
      <button type="button" class="head-button" onClick={() => setSort(next)}>
        {column.title}
        <span aria-hidden="true">{now === 'ascending' ? ' ↑' : now === 'descending' ? ' ↓' : ''}</span>
      </button>
    </div>
  );
}

function GridRow(props: {
  index: number;
  row: Row | undefined;
  table: TableStatus;
  active: boolean;
  open: Cell | undefined;
  style: Readonly<Record<string, string>>;
  onOpen: () => void;
}): JSX.Element {
  const { index, row, table, active, open, style, onOpen } = props;
  const keys = keyColumns(table.declaration);
  const value = valueColumn(table.declaration);
  const isOpen = row !== undefined && open !== undefined && JSON.stringify(row.key) === JSON.stringify(open);
  return (
    <div
      class={`grid-row${active ? ' active' : ''}${isOpen ? ' open' : ''}`}
      role="row"
      id={`row-${index}`}
      aria-rowindex={index + 2}
      aria-selected={isOpen}
      style={style}
      onClick={onOpen}
    >
      {keys.map((column, at) => (
        <GridCell key={at} column={column} cell={row && keyCells(row.key, table.declaration)[at]} />
      ))}
      {value !== undefined && <GridCell column={value} cell={row?.value} />}
      <div class="cell" role="gridcell">
        {row === undefined ? ' ' : <Author origin={row.origin} />}
        {row?.values !== undefined && row.values.length > 1 && (
          <Badge tone="warn">{row.values.length} values</Badge>
        )}
      </div>
      <div class="cell soft" role="gridcell">
        {row === undefined ? '' : <When time={row.time} />}
      </div>
    </div>
  );
}

function GridCell({ column, cell }: { column: Column; cell: Cell | undefined }): JSX.Element {
  const text = cell === undefined ? '' : shown(cell, column.type);
  const cut = text.length > CELL_CHARACTERS ? `${text.slice(0, CELL_CHARACTERS)}…` : text;
  return (
    <div class={`cell mono${column.number ? ' number-cell' : ''}`} role="gridcell" title={cut}>
      {cut === '' && cell !== undefined ? <span class="value none">empty text</span> : <bdi>{cut}</bdi>}
    </div>
  );
}
