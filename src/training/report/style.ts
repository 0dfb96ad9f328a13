/** Style sheet of the report: system fonts, light and dark, figures that line up. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #f5f6f8; --card: #ffffff; --ink: #1b2027; --soft: #56606c; --rule: #dde2e8;
  --accent: #1f6fb5; --second: #a94f14; --chosen: #e7f1fb; --right: #1f6fb5; --wrong: #a94f14; --deep-ink: #ffffff;
  --good: #17734a; --fair: #7d5a00; --poor: #b3261e; --shade: rgb(20 30 45 / .22);
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #111417; --card: #1a1f24; --ink: #e8ebef; --soft: #a5afba; --rule: #343c45;
    --accent: #62adf0; --second: #eda56f; --chosen: #1c3147; --right: #2369aa; --wrong: #a3541c; --deep-ink: #ffffff;
    --good: #62d199; --fair: #e6b94d; --poor: #ff938a; --shade: rgb(0 0 0 / .6);
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 1160px; margin: 0 auto; padding: 32px 20px 48px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 6px; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 44px 0 10px; }
h2.row { font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; color: var(--soft); margin: 22px 0 8px; }
p { margin: 0 0 14px; color: var(--soft); max-width: 75ch; overflow-wrap: anywhere; }
p strong { color: var(--ink); }
details { margin-top: 12px; color: var(--soft); font-size: .9rem; }
summary { cursor: pointer; width: max-content; padding: 4px 0; }
details ul { margin: 4px 0 10px; padding-left: 20px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.tiles, .fill { display: flex; flex-wrap: wrap; gap: 12px; }
.tiles { --columns: var(--wide); }
.tiles > div { flex: 1 1 calc((100% - 12px * (var(--columns) - 1)) / var(--columns) - .1px); padding: 12px 16px 14px; }
.tiles > div, figure, section > .scroll { background-color: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
.tiles > div { border-top: 4px solid var(--rule); }
.tiles > .good { border-top-color: var(--good); }
.tiles > .fair { border-top: 4px dashed var(--fair); }
.tiles > .poor { border-top-color: var(--poor); }
.tiles > .open { border-top: 4px dotted var(--soft); }
.tiles span, .tiles small { display: block; }
.tiles b { font-size: 1.75rem; line-height: 1.25; font-variant-numeric: tabular-nums; letter-spacing: -.01em; margin-right: 10px; }
.tiles small { color: var(--soft); line-height: 1.4; margin-top: 2px; }
.badge, .flag { font-style: normal; font-weight: 600; white-space: nowrap; }
.badge { display: inline-block; font-size: .8rem; line-height: 1; padding: 4px 8px; border: 1px solid; border-radius: 99px; vertical-align: 4px; }
.tiles .badge span { display: inline; }
.badge.good { color: var(--good); } .badge.fair { color: var(--fair); } .badge.poor, .flag { color: var(--poor); } .badge.open { color: var(--soft); }

.fill > * { flex: 1 1 460px; }
.plots > * { flex-basis: 310px; }
.fill, .stack { margin-top: 12px; }
.stack > * + * { margin-top: 12px; }
figure { margin: 0; padding: 16px 18px; min-width: 0; display: flex; flex-direction: column; }
figure p { margin: 10px 0 0; font-size: .87rem; }
figcaption { font-weight: 600; margin-bottom: 6px; }

.scroll {
  position: relative; overflow-x: auto; overscroll-behavior-x: contain;
  background:
    linear-gradient(to right, var(--card) 40%, transparent) left / 48px 100%,
    linear-gradient(to left, var(--card) 40%, transparent) right / 48px 100%,
    linear-gradient(to right, var(--shade), transparent) left / 16px 100%,
    linear-gradient(to left, var(--shade), transparent) right / 16px 100%, var(--card);
  background-repeat: no-repeat; background-attachment: local, local, scroll, scroll;
}
.scroll::-webkit-scrollbar { height: 10px; }
.scroll::-webkit-scrollbar-track { background: var(--rule); border-radius: 5px; }
.scroll::-webkit-scrollbar-thumb { background: var(--soft); border-radius: 5px; border: 2px solid var(--rule); }
@supports not selector(::-webkit-scrollbar) { .scroll { scrollbar-color: var(--soft) var(--rule); } }
table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 6px 10px; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; font-size: .87rem; vertical-align: bottom; }
th:first-child, td:first-child, .kinds :is(th, td):nth-child(2), .mistakes :is(th, td) { text-align: left; }
:is(th, td):first-child { position: sticky; left: 0; background: var(--card); box-shadow: 1px 0 0 var(--rule); }
tbody td:first-child { white-space: normal; overflow-wrap: break-word; min-width: 9ch; max-width: 30ch; }
.mistakes tbody td { white-space: normal; }
.mistakes td:first-child { overflow-wrap: anywhere; max-width: none; }
.mistakes th:first-child { width: 45%; }
section > .fill + .scroll { margin-top: 12px; }
tbody tr:last-child > * { border-bottom: 0; }
tr.chosen > * { background: var(--chosen); font-weight: 600; }
tr.chosen td:first-child::after { content: " ◂ now"; }
.bar { display: block; min-width: 8ch; padding: 0 4px; margin: 0 -4px; border-radius: 3px; background: linear-gradient(to right, color-mix(in srgb, var(--accent) 18%, transparent) var(--share), transparent 0); }

.confusion { border-spacing: 3px; }
.confusion :is(td, th) { border: 0; }
.confusion tbody td { --tone: var(--right); text-align: center; border-radius: 5px; padding: 7px 8px; min-width: 0; background: color-mix(in srgb, var(--tone) var(--share), transparent); box-shadow: inset 0 0 0 1px color-mix(in srgb, var(--tone) 30%, transparent); position: static; }
.confusion td small { display: block; font-size: .75rem; line-height: 1.1; opacity: .85; }
.confusion td.right { font-weight: 650; }
.confusion td.wrong { --tone: var(--wrong); }
.confusion td.wrong:not(.none), .swatch.wrong { background-image: repeating-linear-gradient(135deg, color-mix(in srgb, var(--wrong) 38%, transparent) 0 2px, transparent 2px 7px); }
.confusion td.none { color: var(--soft); font-weight: 400; box-shadow: inset 0 0 0 1px var(--rule); }
.confusion thead th { text-align: center; white-space: normal; overflow-wrap: break-word; min-width: 8ch; max-width: 16ch; }
.confusion tbody th { text-align: left; vertical-align: middle; white-space: normal; overflow-wrap: break-word; max-width: 18ch; }
.confusion .deep { color: var(--deep-ink); }
.confusion.many { width: auto; }
.confusion.many :is(td, th) { padding: 4px; font-size: .85rem; min-width: 34px; }
.confusion.many thead span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 20ch; overflow-wrap: anywhere; }
.swatch { display: inline-block; width: 14px; height: 14px; border-radius: 3px; vertical-align: -2px; margin-right: 6px; background-color: color-mix(in srgb, var(--right) 70%, transparent); }
.swatch.wrong { margin-left: 10px; background-color: color-mix(in srgb, var(--wrong) 25%, transparent); }

.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 0 0 4px; padding: 0; color: var(--soft); font-size: .82rem; }
.legend li { display: flex; align-items: center; gap: 7px; }
.legend svg { height: 10px; width: auto; flex: none; }
.plot { position: relative; height: 290px; margin-top: auto; font-size: .78rem; line-height: 1.2; color: var(--soft); }
.plot .area { position: absolute; left: 54px; right: 14px; top: 20px; bottom: 44px; }
.plot svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.plot i { position: absolute; font-style: normal; white-space: nowrap; }
.plot .tick-y { right: calc(100% + 7px); transform: translateY(-50%); }
.plot .tick-x { top: calc(100% + 6px); transform: translateX(-50%); }
.plot .axis-x { top: calc(100% + 25px); left: 0; right: 0; text-align: center; }
.plot .axis-y { right: calc(100% + 38px); top: 0; bottom: 0; text-align: center; writing-mode: vertical-rl; transform: rotate(180deg); }
.plot .above { bottom: calc(100% + 3px); color: var(--ink); font-weight: 600; }
.plot .mark { width: calc(2 * var(--radius)); height: calc(2 * var(--radius)); margin: calc(-1 * var(--radius)) 0 0 calc(-1 * var(--radius)); border-radius: 50%; background: var(--accent); box-shadow: 0 0 0 1.5px var(--card); }
.grid, .ruler, .line { vector-effect: non-scaling-stroke; fill: none; }
.grid { stroke: var(--rule); stroke-width: 1; }
.ruler { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 4 3; }
.line { stroke-width: 2; stroke-linejoin: round; }
.line.main { stroke: var(--accent); }
.line.second { stroke: var(--second); stroke-dasharray: 6 4; }
.line.guide { stroke: var(--soft); stroke-dasharray: 2 4; stroke-width: 1.2; }
.dot { fill: var(--accent); }

audio { display: block; width: 240px; height: 34px; }
footer { margin-top: 44px; color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }
@media (max-width: 980px) { .tiles { --columns: var(--half); } }
@media (max-width: 560px) {
  .tiles { --columns: 2; gap: 10px; }
  .tiles > div { min-width: calc(50% - 5px); padding: 10px 12px 12px; }
  .tiles b { font-size: 1.5rem; }
  main { padding: 22px 14px 36px; }
  figure { padding: 14px 12px; }
  th, td { padding: 6px 9px; }
  tbody td:first-child, .confusion tbody th { max-width: 15ch; }
  .mistakes thead { position: absolute; clip-path: inset(50%); }
  .mistakes :is(table, tbody) { display: block; }
  .mistakes tr { display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 10px 12px; border-bottom: 1px solid var(--rule); }
  .mistakes tr:last-child { border: 0; }
  .mistakes tbody td { position: static; padding: 0; border: 0; box-shadow: none; width: auto; max-width: none; white-space: normal; overflow-wrap: anywhere; }
  .mistakes td:is(:first-child, :has(audio)) { flex: 1 0 100%; }
  .mistakes td[data-column]::before { content: attr(data-column) " "; color: var(--soft); }
  audio { width: 100%; }
}
@media print { body { background: #fff; } figure, .tiles > div { break-inside: avoid; } .scroll { overflow: visible; } audio, summary { display: none; } }
`;
