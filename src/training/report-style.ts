/** Style sheet of the report: system fonts, light and dark, figures that line up. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fcfcfa; --card: #ffffff; --ink: #1d2126; --soft: #626b76; --rule: #dde1e5;
  --accent: #1f6fb5; --second: #b4551d; --chosen: #e8f1fa; --deep-ink: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --card: #1c2024; --ink: #e8eaed; --soft: #9aa4af; --rule: #333a41;
    --accent: #5aa9ec; --second: #e59a63; --chosen: #1d3246; --deep-ink: #0d1114;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1160px; margin: 0 auto; padding: 28px 20px 40px; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 1.15rem; margin: 36px 0 10px; }
p { margin: 0 0 14px; color: var(--soft); max-width: 75ch; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 18px; }
.tiles div, figure { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
.tiles div { padding: 12px 14px; display: flex; flex-direction: column; }
.tiles b { font-size: 1.6rem; line-height: 1.2; }
.tiles small { color: var(--soft); line-height: 1.35; margin-top: 2px; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; align-items: start; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); gap: 16px; margin: 16px 0; }
figure { margin: 0; padding: 14px 16px; min-width: 0; }
figure p { margin: 10px 0 0; font-size: .87rem; }
figcaption { font-weight: 600; margin-bottom: 8px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 5px 10px; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; font-size: .87rem; }
th:first-child, td:first-child { text-align: left; }
section > .scroll td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 9ch; }
tbody tr:last-child > * { border-bottom: 0; }
tr.chosen { background: var(--chosen); font-weight: 600; }
.confusion { border-collapse: separate; border-spacing: 3px; }
.confusion td, .confusion th { border: 0; }
.confusion tbody td { text-align: center; border-radius: 4px; padding: 9px 8px; background: color-mix(in srgb, var(--accent) var(--share), var(--paper)); }
.confusion thead th { text-align: center; }
.confusion .deep { color: var(--deep-ink); }
svg { display: block; width: 100%; max-width: 460px; height: auto; margin: 0 auto; }
svg text { fill: var(--soft); font-size: 11.5px; }
svg .axis { font-size: 12px; }
svg .strong { fill: var(--ink); font-weight: 600; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .ruler { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 4 3; }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .line.main { stroke: var(--accent); }
svg .line.second { stroke: var(--second); stroke-dasharray: 5 4; stroke-width: 1.6; }
svg .line.guide { stroke: var(--soft); stroke-dasharray: 2 4; stroke-width: 1; }
svg .label.main { fill: var(--accent); font-weight: 600; }
svg .label.second { fill: var(--second); font-weight: 600; }
svg .mark { fill: var(--accent); stroke: var(--card); stroke-width: 1.2; }
footer { margin-top: 36px; color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }
@media print { body { background: #fff; } figure, .tiles div { break-inside: avoid; } }
`;
