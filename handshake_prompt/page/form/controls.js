/**
 * Controls of a form and the fields they make up: those of one name are one field, and its key is the name as a path
 * (`home[street]` is `home/street`, with the escapes of RFC 6901).
 */

import { isKey } from "../client/values.js";
import { attributeOf, below, elementsOf, positionOf, rootOf } from "./clobbering.js";
import { isWidget, setState as setWidget, stateOf as widgetState, twinOf } from "./widgets.js";

/** @typedef {any} Control an input, a select, a textarea, a form-associated custom element, or a widget. */
/** @typedef {{key: string, controls: Control[]}} Group */

/** Controls that hold no value of the form's. */
const WITHOUT_VALUE = new Set(["button", "fieldset", "image", "object", "output", "reset", "submit"]);
/** A name as PHP, Rails and ASP.NET read it: `a[b][]`, `a[0].b`. */
const PATH = /^([^[\]]+)((?:\[[^[\]]*\](?:\.[^[\].]+)*)*)$/;
const STEP = /\[([^[\]]*)\]|\.([^[\].]+)/g;

/** A first option that says to choose one: "-- Year --", "Select a state", "Choose…", also in other languages. */
const REQUEST = new RegExp(
  String.raw`^(?:[-–—]+\s*\S.*[-–—]+|[-–—.…_\s]*|bitte\s.*|(?:请选择|請選擇|選択してください|選んでください|선택).*|` +
    String.raw`(?:(?:please|veuillez|por favor,?)\s+)?(?:${[
      ...["choose", "select", "pick", "choisir", "choisissez", "sélectionner", "sélectionnez", "seleccion[ae]", "elija"],
      ...["elige", "selecione", "escolha", "seleziona", "scegli", "kies", "selecteer", "wybierz", "vyberte", "выберите"],
    ].join("|")})(?:\s.*|\s*[:.…]+))$`,
  "iu",
);
const NO_CHOICE = new Set(["0", "-1", "none", "null", "default"]);

/** @type {WeakMap<Control, string>} The keys of controls with neither name nor id. */
const minted = new WeakMap();
let mints = 0;

/**
 * The controls of a form, in its order: also those with a `form` attribute elsewhere, form-associated custom elements,
 * and those in open shadow roots, which the browser does not count as the form's.
 *
 * @param {HTMLFormElement} form
 * @returns {Control[]}
 */
export function controlsOf(form) {
  const listed = new Set([...elementsOf(form)].filter(isControl));
  const before = [...listed].filter((control) => positionOf(form, control) & Node.DOCUMENT_POSITION_PRECEDING);
  return [...new Set([...before, ...within(form, listed), ...listed])];
}

/** @param {HTMLFormElement} form @param {Set<Control>} listed @returns {Generator<Control>} */
function* within(form, listed) {
  for (const control of controlsWithin(form)) {
    if (listed.has(control) || isWidget(control) || rootOf(control) !== rootOf(form)) yield control;
  }
}

/**
 * The controls in an element and in open shadow roots in there; a form of a shadow root's own keeps its controls.
 *
 * @param {Element | ShadowRoot} node
 * @returns {Generator<Control>}
 */
export function* controlsWithin(node) {
  for (const each of below(node)) {
    if (isControl(each)) yield each;
    else if (each.shadowRoot) yield* [...controlsWithin(each.shadowRoot)].filter(({ form }) => !form);
  }
}

/** Whether an element holds a value of a form. @param {any} element */
export function isControl(element) {
  if (element instanceof HTMLInputElement || element instanceof HTMLSelectElement) {
    return !WITHOUT_VALUE.has(element.type);
  }
  if (element instanceof HTMLTextAreaElement || isWidget(element)) return true;
  return isComponent(element) && ("value" in element || switchOf(element) !== undefined);
}

/** Whether an element is a form-associated custom element that is no button. @param {any} element */
export function isComponent(element) {
  const isAssociated = element.localName.includes("-") && element.constructor.formAssociated === true;
  return isAssociated && !WITHOUT_VALUE.has(element.type);
}

/** The name of a control; in a component's shadow root, without one, that of the component. @param {Control} control @returns {string} */
export function nameOf(control) {
  for (let element = control; element; element = rootOf(element).host) {
    const name = attributeOf(element, "name") || (isWidget(element) && twinOf(element)?.name);
    if (name) return name;
  }
  return "";
}

/** Whether a control is one of several to choose from, or a switch. @param {Control} control */
export function isChoice({ type }) {
  return type === "radio" || type === "checkbox";
}

/**
 * Whether an option of a select is one to choose: not disabled, not hidden, and more than a request to choose one.
 *
 * @param {HTMLOptionElement} option
 */
export function isChoosable(option) {
  const { value, index, disabled, label } = option;
  const isClosed = disabled || option.hidden || option.closest("optgroup")?.disabled === true;
  const isRequest = index === 0 && REQUEST.test(label.trim()) && (NO_CHOICE.has(value) || value === option.text);
  const isAlone = option.closest("select")?.multiple !== true;
  return value !== "" && !isClosed && !(isRequest && isAlone);
}

/** Whether a control is of no standard kind. @param {Control} control */
export function isCustom(control) {
  return control.localName.includes("-") || isWidget(control);
}

/** The property that says whether a custom element is on, if it is a switch. @param {Control} control */
function switchOf(control) {
  return ["checked", "selected"].find((name) => typeof control[name] === "boolean");
}

/** What a control of no standard kind holds: whether it is on, if it is a switch. @param {Control} control */
export function stateOf(control) {
  return isWidget(control) ? widgetState(control) : control[switchOf(control) ?? "value"];
}

/** Have a control of no standard kind hold a value, and tell its page. @param {Control} control @param {any} value */
export function setState(control, value) {
  if (isWidget(control)) return setWidget(control, value);
  const empty = typeof control.value === "string" ? "" : null;
  const state = switchOf(control);
  if (state) control[state] = value === true;
  else control.value = value ?? empty;
  announce(control);
}

/** Tell a page that a control holds another value. @param {Control} control */
export function announce(control) {
  control.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, inputType: "insertReplacementText" }));
  control.dispatchEvent(new Event("change", { bubbles: true }));
}

/**
 * Controls grouped into fields. Hidden ones are no fields: beside a checkbox of the same name they are what is sent when
 * it is off.
 *
 * @param {Control[]} controls
 * @param {(control: Control) => string} [keyFor] the key that a control asks for.
 * @returns {Group[]}
 */
export function grouped(controls, keyFor = keyOf) {
  /** @type {Map<any, Control[]>} */
  const groups = new Map();
  for (const control of controls) {
    if (control.type === "hidden") continue;
    const name = nameOf(control);
    const identity = name && `${isChoice(control) ? control.type : "text"} ${name}`;
    groups.set(identity || control, [...(groups.get(identity) ?? []), control]);
  }
  return keyed([...groups.values()], keyFor);
}

/** @param {Control[][]} groups @param {(control: Control) => string} keyFor @returns {Group[]} */
function keyed(groups, keyFor) {
  const paths = groups.map(([control]) => keyFor(control));
  const used = new Set();
  return groups.map((controls, index) => {
    const path = paths[index];
    // A field has no fields inside it: `a` beside `a[b]` leaves the latter a name without a path.
    const isInside = paths.some((other) => path.startsWith(`${other}/`));
    const wanted = isInside ? escaped(nameOf(controls[0])) : path;
    let key = wanted;
    for (let count = 2; used.has(key); count += 1) key = `${wanted}-${count}`;
    used.add(key);
    return { key, controls };
  });
}

/** @param {Control} control @returns {string} */
function keyOf(control) {
  const name = nameOf(control);
  const key = name ? pathOf(name) : escaped(control.id ?? "");
  if (isKey(key)) return key;
  if (!minted.has(control)) minted.set(control, `field-${(mints += 1)}`);
  return /** @type {string} */ (minted.get(control));
}

/** @param {string} name @returns {string} */
export function pathOf(name) {
  const match = PATH.exec(name);
  if (!match) return escaped(name);
  const steps = [...match[2].matchAll(STEP)].map(([, index, member]) => index ?? member);
  return [match[1], ...steps.filter(Boolean)].map(escaped).join("/");
}

/** @param {string} segment */
export function escaped(segment) {
  return segment.replaceAll("~", "~0").replaceAll("/", "~1");
}
