/** Style sheet of a page that shows one recording; that of the plots is `PLOT_STYLE`. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #f5f6f8; --card: #ffffff; --ink: #1b2027; --soft: #56606c; --rule: #dde2e8; --accent: #1763b8; --alarm: #a31515;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #0f1215; --card: #14181c; --ink: #e8ebef; --soft: #a5afba; --rule: #343c45; --accent: #4fb0ff; --alarm: #c9432a; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1500px; margin: 0 auto; padding: 26px 20px 40px; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
p { margin: 0 0 12px; color: var(--soft); max-width: 90ch; overflow-wrap: anywhere; }
.tools { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 14px 0; }
audio { height: 40px; flex: 1 1 280px; max-width: 560px; min-width: 0; }
#at { min-width: 6ch; font-variant-numeric: tabular-nums; color: var(--soft); }
button { font: inherit; color: inherit; min-height: 40px; min-width: 40px; padding: 4px 12px; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; cursor: pointer; }
button:hover:enabled { border-color: var(--accent); }
button:disabled { opacity: .45; cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
/* Legends take as many lines as they need, and the scale beside them keeps to its plot: both are laid on the same rows. */
.plots { --scale: 64px; container-type: inline-size; display: grid; grid-template: repeat(var(--rows), auto) / var(--scale) minmax(0, 1fr); background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 12px 14px 8px; }
.scale, #frame, #inner { position: relative; display: grid; grid-row: 1 / -1; grid-template: subgrid / minmax(0, 1fr); }
.scale { color: var(--soft); font-size: .78rem; }
.scale i, #axis i, .lane b { position: absolute; font-style: normal; white-space: nowrap; }
.scale i { right: 8px; transform: translateY(-50%); }
.scale .lane { height: 24px; line-height: 22px; padding-right: 8px; text-align: right; }
.panel { display: grid; grid-row: span 2; grid-template: subgrid / minmax(0, 1fr); }
.ticks { position: relative; grid-row: 2; }
#frame { overflow-x: auto; overflow-y: hidden; cursor: crosshair; padding-bottom: 6px; }
#inner { width: 100%; }
#inner .lane { position: relative; height: 24px; overflow: hidden; }
.lane b { top: 0; height: 22px; line-height: 22px; overflow: hidden; container-type: inline-size; border-radius: 4px; min-width: 3px; background: var(--alarm); color: #fff; font-size: .8rem; font-weight: 600; }
.lane b.cool { background: var(--rule); color: var(--soft); font-weight: 400; }
.lane span { display: none; padding-left: 6px; }
@container (min-width: 52px) { .lane span { display: block; overflow: hidden; text-overflow: ellipsis; } }
.panel > svg { display: block; width: 100%; height: var(--height); outline: 1px solid var(--rule); overflow: hidden; }
.caption { position: sticky; left: 0; justify-self: start; max-width: calc(100cqw - var(--scale)); min-height: 32px; display: flex; flex-wrap: wrap; align-content: end; align-items: center; gap: 2px 14px; padding: 6px 0 5px; font-size: .8rem; line-height: 1.4; color: var(--soft); overflow-wrap: anywhere; }
.caption strong { color: var(--ink); }
.caption span { display: inline-flex; align-items: center; gap: 6px; min-width: 0; }
.caption svg { width: 22px; height: 12px; flex: none; }
#axis { position: relative; height: 24px; color: var(--soft); font-size: .78rem; }
#axis i { top: 6px; transform: translateX(-50%); }
#axis i:first-child { transform: none; }
#axis i::before { content: ""; position: absolute; left: 50%; top: -6px; height: 5px; border-left: 1px solid var(--soft); }
#axis i:first-child::before { left: 0; }
#axis i.last { transform: translateX(-100%); }
#axis i.last::before { left: auto; right: 0; }
#playhead { position: absolute; top: 0; bottom: 24px; width: 0; border-left: 2px solid var(--accent); pointer-events: none; }
#silent { color: var(--alarm); font-weight: 600; }
.places { display: flex; flex-wrap: wrap; gap: 8px; list-style: none; margin: 0 0 14px; padding: 2px; max-height: 140px; overflow-y: auto; }
footer { margin-top: 18px; font-size: .85rem; color: var(--soft); }
kbd { font: inherit; border: 1px solid var(--rule); border-radius: 4px; padding: 0 5px; background: var(--card); }
@media (max-width: 700px) { main { padding: 16px 10px; } .plots { padding: 8px 8px 6px; } }
@media print { .tools, footer { display: none; } }
`;
