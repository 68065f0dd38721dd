/**
 * Style sheets of the tag, as objects: a Content-Security-Policy without inline styles holds. Colours and type come from
 * the page; it may set `--handshake-accent`, `--handshake-radius`, `--handshake-space` and style the parts.
 */

const PANEL = `
  :host {
    --space: var(--handshake-space, 0.75rem);
    --accent: var(--handshake-accent, LinkText);
    --line: color-mix(in srgb, currentColor 22%, transparent);
    --radius: var(--handshake-radius, 0.5rem);
    display: block; font: inherit; color: inherit; line-height: 1.45;
  }
  :host([hidden]), [hidden] { display: none !important; }
  * { box-sizing: border-box; }
  .panel, .part { display: grid; gap: var(--space); justify-items: stretch; }
  .panel { padding: var(--space); border: 1px solid var(--line);
    border-radius: var(--radius); overflow-wrap: anywhere; }
  p, ul { margin: 0; padding: 0; }
  ul { list-style: none; display: grid; gap: 0.35rem; }
  li { display: flex; flex-wrap: wrap; gap: 0.25rem 0.75rem; align-items: baseline; }
  button { font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); cursor: pointer;
    border-radius: calc(var(--radius) / 1.5); padding: 0.4rem 0.8rem; min-block-size: 2.25rem; }
  button:hover { border-color: currentColor; }
  [aria-disabled="true"] { opacity: 0.6; cursor: default; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  button.main { border: 2px solid var(--accent); font-weight: 600; }
  button.link { border: 0; padding: 0; min-block-size: 1.5rem; text-decoration: underline; }
  .actions { display: flex; flex-wrap: wrap; gap: 0.5rem; }
  .quiet { font-size: 0.9em; }
  textarea { font: 0.85em/1.4 ui-monospace, monospace; inline-size: 100%; color: inherit; background: transparent;
    border: 1px solid var(--line); border-radius: calc(var(--radius) / 1.5); padding: 0.5rem; resize: vertical; }
  .attention { border-inline-start: 3px solid var(--accent); padding-inline-start: var(--space); display: grid; gap: 0.35rem; }
  .request { display: grid; gap: 0.5rem; }
  .requests { gap: 1rem; }
  .said { white-space: pre-wrap; }
  .quiet + .said { font-weight: 600; }
  .answers { display: grid; gap: 0.5rem; }
  .answer { display: grid; gap: 0.2rem; justify-items: start; }
  input, select { font: inherit; color: inherit; background: transparent; border: 1px solid var(--line);
    border-radius: calc(var(--radius) / 1.5); padding: 0.35rem 0.5rem; max-inline-size: 100%; }
  .beacon { position: fixed; inset-inline: 1rem; inset-block-end: 1rem; z-index: 10; margin-inline: auto;
    inline-size: fit-content; background: Canvas; color: CanvasText; border: 2px solid var(--accent); font-weight: 600; }
  summary { cursor: pointer; min-block-size: 1.5rem; }
  details ul { padding-block-start: 0.5rem; gap: 0; }
  details li { display: grid; grid-template-columns: 1fr auto; gap: 0 0.75rem; padding-block: 0.4rem;
    border-block-start: 1px solid var(--line); }
  details strong { font-weight: 600; text-align: end; }
  details button { grid-column: 2; justify-self: end; }
  .qr { inline-size: 12rem; max-inline-size: 100%; }
  .code { font: 1.25em/1.4 ui-monospace, monospace; letter-spacing: 0.08em; }
  ins { text-decoration: none; font-weight: 600; }
  .change ins::before { content: " → "; font-weight: 400; }
  .change:dir(rtl) ins::before { content: " ← "; }
`;

const MARKS = `
  [data-handshake-by="ai"] { box-shadow: -3px 0 0 var(--handshake-accent, LinkText); }
  [data-handshake-by="ai"]:dir(rtl) { box-shadow: 3px 0 0 var(--handshake-accent, LinkText); }
  [data-handshake-by="ai"]:is([type="checkbox"], [type="radio"], [type="range"], [type="color"]) {
    box-shadow: none; outline: 2px solid var(--handshake-accent, LinkText); outline-offset: 1px; }
  [data-handshake-by="ai"][type="radio"]:not(:checked) { outline: none; }
  @media (forced-colors: active) { /* which leave no shadows */
    [data-handshake-by="ai"]:not([type="radio"]) { outline: 2px solid Highlight; outline-offset: 1px; } }
`;

/** @param {string} text @returns {any} null on a server that renders the page, where nothing is styled. */
function sheet(text) {
  if (!globalThis.CSSStyleSheet) return null;
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
}

export const PANEL_SHEET = sheet(PANEL);
const MARKS_SHEET = sheet(MARKS);

/** Let marks show in the tree of a document or a shadow root. @param {any} root */
export function adoptMarks(root) {
  // An element that has just been removed is in no tree that has styles.
  if (root.adoptedStyleSheets?.includes(MARKS_SHEET) === false) root.adoptedStyleSheets.push(MARKS_SHEET);
}
