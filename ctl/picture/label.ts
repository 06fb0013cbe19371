/**
 * Text of the user's as XML has it, whatever is in it. A control character is shown by its own picture, since XML may not
 * have one.
 *
 * Source: XML 1.0, Char; Unicode, Control Pictures.
 */
export function xmlText(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\uFFFE\uFFFF]/gu, (one) =>
      one < " " ? String.fromCharCode(0x2400 + one.charCodeAt(0)) : "\uFFFD",
    )
    .replaceAll(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
}

/**
 * The same in a label of Graphviz that is like HTML: there a backslash counts, and nothing is no text.
 *
 * Source: graphviz.org, escString and "HTML-Like Labels".
 */
export function labelText(text: string): string {
  return xmlText(text).replaceAll("\\", "\\\\") || "&#160;";
}
