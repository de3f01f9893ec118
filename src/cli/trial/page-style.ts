/** The look of a comparison's page: light or dark as the reader's system, bars of one colour per mode. */
export const PAGE_STYLE: string = `
:root { color-scheme: light dark; --naive: #b4552d; --lww: #3565b0; --automerge: #1f7a54; --line: #8885; --soft: #8881; --warn: #a8321f; --good: #1d7a46; }
@media (prefers-color-scheme: dark) { :root { --naive: #e08a5f; --lww: #7da7ee; --automerge: #5cc196; --warn: #ff9d85; --good: #6fd39b; } }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, sans-serif; margin: 0; }
main { max-width: 66rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { margin: 0 0 .5rem; font-size: 1.7rem; line-height: 1.2; }
h2 { margin: 2.75rem 0 .5rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); font-size: 1.3rem; }
h3 { margin: 1.75rem 0 .5rem; font-size: 1.05rem; }
p, li { max-width: 46rem; }
.lead { font-size: 1.05rem; }
.note { opacity: .8; font-size: .92rem; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .75rem 1rem; border-radius: 6px; white-space: pre-wrap; }
.verdicts { padding: 0; list-style: none; }
.verdicts li { border-left: .4rem solid var(--mode); padding: .15rem 0 .15rem .8rem; margin: .6rem 0; }
.naive { --mode: var(--naive); } .lww { --mode: var(--lww); } .automerge { --mode: var(--automerge); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: .9rem 1rem 1rem; border: 1px solid var(--line); border-radius: 8px; }
figcaption { margin-bottom: .6rem; }
figcaption b { display: block; }
figcaption small { display: block; font-size: .85rem; line-height: 1.4; opacity: .8; }
.bars { border-collapse: collapse; width: 100%; font-size: .92rem; }
.bars th { text-align: left; font-weight: normal; padding: .2rem .6rem .2rem 0; }
.track { width: 100%; padding: .2rem 0; }
.fill { display: block; height: 1rem; min-width: 2px; border-radius: 2px; background: var(--mode); }
.value { padding: .2rem 0 .2rem .6rem; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
.all { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.all th, .all td { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
.all tbody th, .all thead th:first-child { text-align: left; font-weight: normal; }
.all tbody th { overflow-wrap: anywhere; min-width: 9rem; }
.all .group th { font-weight: 600; background: var(--soft); }
.all caption { text-align: left; padding: .25rem 0; }
.lossy { color: var(--warn); font-weight: 600; } .fine { color: var(--good); }
.absent { opacity: .65; }
dt { font-weight: 600; margin-top: .8rem; } dd { margin: 0; max-width: 46rem; }
summary { cursor: pointer; }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
@media print { figure { break-inside: avoid; } }
`;
