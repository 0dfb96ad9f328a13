import { escapeHtml } from '../../plot/html.js';

/** What stands in a table: text, or markup that is whole and escaped. */
export type Cell =
  | string
  | {
      readonly html: string;
      /** Of the column, to be shown in the cell where the page is too narrow for columns. */
      readonly column?: string;
    };

/**
 * @param name what it is, for those who do not see it
 * @param chosen index of the row that is set off
 */
export function table(
  name: string,
  columns: readonly string[],
  rows: ReadonlyArray<readonly Cell[]>,
  chosen = -1,
): string {
  const head = columns.map((column) => `<th scope="col">${escapeHtml(column)}</th>`).join('');
  const body = rows.map(
    (row, i) => `<tr${i === chosen ? ' class="chosen"' : ''}>${row.map(cell).join('')}</tr>`,
  );
  const markup = `<table><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table>`;
  return scrollable(name, markup);
}

/** What may be wider than the page: it scrolls by itself, with a finger, the wheel or the arrow keys. */
export function scrollable(name: string, markup: string): string {
  return `<div class="scroll" role="region" tabindex="0" aria-label="${escapeHtml(name)}">${markup}</div>`;
}

export function figure(caption: string, content: string): string {
  return `<figure><figcaption>${escapeHtml(caption)}</figcaption>${content}</figure>`;
}

function cell(content: Cell): string {
  if (typeof content === 'string') return `<td>${escapeHtml(content)}</td>`;
  const { html, column } = content;
  return `<td${column === undefined ? '' : ` data-column="${escapeHtml(column)}"`}>${html}</td>`;
}
