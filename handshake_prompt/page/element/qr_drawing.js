/** QR code from the server, drawn anew: of its SVG come paths and their colours, and nothing that could do something. */

const SVG = "http://www.w3.org/2000/svg";
/** @type {Record<string, RegExp>} Attributes, and the values that are safe in them. */
const ATTRIBUTES = { d: /^[\d\sMmHhVvLlZz.,-]*$/, fill: /^#[\da-f]{3,6}$/, stroke: /^#[\da-f]{3,6}$/ };
const VIEW_BOX = /^[\d\s.]+$/;

/**
 * @param {string} source
 * @param {string} label for a screen reader.
 * @returns {SVGElement | null} null for what is no such drawing.
 */
export function qrDrawing(source, label) {
  const given = new DOMParser().parseFromString(source, "image/svg+xml").documentElement;
  const viewBox = given.getAttribute("viewBox") ?? "";
  const paths = [...given.querySelectorAll("path")];
  if (!VIEW_BOX.test(viewBox) || paths.length === 0) return null;
  const drawing = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ viewBox, role: "img", "aria-label": label, class: "qr" })) {
    drawing.setAttribute(name, value);
  }
  drawing.append(...paths.map(redrawn));
  return drawing;
}

/** @param {Element} given */
function redrawn(given) {
  const path = document.createElementNS(SVG, "path");
  for (const [name, safe] of Object.entries(ATTRIBUTES)) {
    const value = given.getAttribute(name);
    if (value !== null && safe.test(value)) path.setAttribute(name, value);
  }
  return path;
}
