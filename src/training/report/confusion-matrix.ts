import { escapeHtml } from '../../plot/html.js';
import type { ClipFigures } from '../clip-figures.js';
import { figure, scrollable } from './html.js';

/**
 * From so many classes on, the matrix takes the whole width, their names stand upright above the columns, and shares
 * are left to the pointer.
 */
export const MANY_CLASSES = 8;
/** From this share on, a cell is so dark that its text is light. */
const DEEP_PERCENT = 85;

/** What is right lies on the diagonal, in plain colour; what is wrong is hatched. */
export function confusionMatrix({ labels, confusion }: ClipFigures): string {
  const many = labels.length >= MANY_CLASSES;
  const rows = confusion.map((row, i) => {
    const total = row.reduce((a, b) => a + b, 0);
    const cells = row.map((count, j) => {
      const percent = total > 0 ? Math.round((100 * count) / total) : 0;
      const kind = `${count === 0 ? 'none ' : ''}${i === j ? 'right' : 'wrong'}${percent > DEEP_PERCENT ? ' deep' : ''}`;
      const title = `${labels[i]} taken for ${labels[j]}: ${count} of ${total}, ${percent} %`;
      const small = count > 0 && !many ? `<small>${percent} %</small>` : '';
      return `<td class="${kind}" style="--share:${percent}%" title="${escapeHtml(title)}">${count}${small}</td>`;
    });
    return `<tr><th scope="row">${escapeHtml(labels[i] ?? '')}</th>${cells.join('')}</tr>`;
  });
  const names = labels.map((label) => `<th scope="col"><span>${escapeHtml(label)}</span></th>`);
  const markup = `<table class="confusion${many ? ' many' : ''}"><thead><tr><td></td>${names.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
  const key =
    '<p class="key"><span class="swatch right"></span>right, on the diagonal <span class="swatch wrong"></span>wrong. The stronger, the larger the share of the row.</p>';
  return figure(
    'What it is (rows) and what it was taken for (columns)',
    scrollable('Confusion matrix', markup) + key,
  );
}
