/** Text that means nothing to HTML or SVG: file names and labels may hold anything. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/**
 * A page that stands alone, in light and dark.
 *
 * @param title as plain text
 * @param main markup, whole and escaped
 * @param script of a module, where there is one
 */
export function standalonePage(title: string, style: string, main: string, script?: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${main}
</main>
${script ? `<script type="module">${script}</script>\n` : ''}</body>
</html>
`;
}
