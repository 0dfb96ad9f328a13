import { COLOURS } from './colours.js';

/** What the shapes of a plot look like, with plain colours instead of variables: not all that draws SVG knows those. */
export const PLOT_STYLE = `
.grid { stroke: #dde2e8; stroke-width: 1; fill: none; }
.limit { stroke: #1b2027; stroke-width: 1.2; stroke-dasharray: 5 4; fill: none; }
.limit.fine { stroke-dasharray: 1.5 3; }
.curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.alarm { fill: #a31515; fill-opacity: .1; }
.onset { stroke: #a31515; stroke-width: 1.2; fill: none; }
.bar { fill: #a31515; }
.cool { fill: #dde2e8; }
${COLOURS.map(({ light }, i) => `.s${i} { stroke: ${light}; } .f${i} { fill: ${light}; }`).join('\n')}
@media (prefers-color-scheme: dark) {
  .grid { stroke: #343c45; }
  .limit { stroke: #e8ebef; }
  .alarm { fill: #ff7a5c; fill-opacity: .16; }
  .onset { stroke: #ff7a5c; }
  .bar { fill: #c9432a; }
  .cool { fill: #343c45; }
${COLOURS.map(({ dark }, i) => `  .s${i} { stroke: ${dark}; } .f${i} { fill: ${dark}; }`).join('\n')}
}
`;
