/** The expense report: its twelve fields, and a control for each that shows whose value it holds. */

/** The form as the agent reads it. `wide` and `placeholder` are for this page only. */
const DEFINITIONS = [
  {
    title: "The expense",
    fields: [
      { key: "purpose", label: "Purpose", type: "string", required: true, desc: "What it was for", wide: true },
      {
        key: "category",
        label: "Category",
        type: "enum",
        required: true,
        options: [
          { value: "travel", label: "Travel" },
          { value: "lodging", label: "Lodging" },
          { value: "meals", label: "Meals" },
          { value: "equipment", label: "Equipment" },
          { value: "other", label: "Other" },
        ],
      },
      {
        key: "amount",
        label: "Amount in euros",
        type: "number",
        required: true,
        min: 0.01,
        max: 5000,
        desc: "At most 5,000",
      },
      { key: "attendees", label: "Attendees", type: "array", desc: "One per line", wide: true },
      { key: "billable", label: "Charge to the client", type: "boolean", wide: true },
    ],
  },
  {
    title: "When",
    fields: [
      { key: "expense_date", label: "Date", type: "date", required: true },
      { key: "start_time", label: "Started at", type: "time" },
    ],
  },
  {
    title: "Receipt",
    fields: [
      { key: "receipt_at", label: "Issued at", type: "datetime" },
      {
        key: "receipt_links",
        label: "Links",
        type: "url",
        multiple: true,
        desc: "One per line",
        placeholder: "https://",
      },
    ],
  },
  {
    title: "People and payment",
    fields: [
      { key: "employee_number", label: "Employee number", type: "integer", readOnly: true },
      { key: "approver", label: "Approver", type: "email", required: true, placeholder: "name@example.com" },
      {
        key: "bank_account",
        label: "Bank account (IBAN)",
        type: "string",
        required: true,
        sensitive: true,
        pattern: "[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}",
        desc: "Never shown to the agent",
        placeholder: "DE89370400440532013000",
        wide: true,
      },
    ],
  },
];

/** Values of a new report, open to the agent. */
const DEFAULTS = { employee_number: 10482, billable: false };

export const AUTHORS = { empty: "Empty", default: "Default", user: "You", user_edit: "You edited", ai: "Agent" };

const INPUT_TYPES = {
  string: "text",
  integer: "number",
  number: "number",
  date: "date",
  time: "time",
  datetime: "datetime-local",
  email: "email",
  url: "url",
};

const RELEASE = "Let the agent write this again";

export const isEmpty = (value) =>
  value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);

/** @returns {boolean} whether the person wrote a value with this author. */
export const isPersons = (by) => by === "user" || by === "user_edit";

const isWebAddress = (text) => /^https?:\/\/\S+$/.test(text);

/** Make an element. @param {Record<string, any>} [properties] */
export function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

/** How a value reads in a sentence or a table. */
export function display(definition, value) {
  if (isEmpty(value)) return "–";
  if (typeof value === "boolean") return value ? "Yes" : "No";
  const name = (item) => definition.options?.find((option) => option.value === item)?.label ?? String(item);
  return Array.isArray(value) ? value.map(name).join(", ") : name(value);
}

// ---- controls: one shape for every kind of input

function textControl(definition) {
  const input = make("input", { type: INPUT_TYPES[definition.type], placeholder: definition.placeholder ?? "" });
  const numeric = input.type === "number";
  if (numeric) input.step = definition.type === "integer" ? "1" : "0.01";
  if (definition.min !== undefined) input.min = definition.min;
  if (definition.max !== undefined) input.max = definition.max;
  if (definition.pattern) input.pattern = definition.pattern;
  const read = {
    number: () => (input.value === "" ? null : input.valueAsNumber),
    "datetime-local": () => (input.value.length === 16 ? `${input.value}:00` : input.value).replace("T", " "),
  }[input.type];
  const write = { "datetime-local": (value) => String(value).replace(" ", "T").slice(0, 19) }[input.type];
  return {
    node: input,
    input,
    read: read ?? (() => input.value.trim()),
    write: (value) => (input.value = isEmpty(value) ? "" : (write?.(value) ?? String(value))),
    lock: () => (input.readOnly = true),
  };
}

function switchControl() {
  const input = make("input", { type: "checkbox", className: "switch" });
  input.setAttribute("role", "switch");
  return {
    node: input,
    input,
    read: () => input.checked,
    write: (value) => (input.checked = value === true),
    lock: () => (input.disabled = true),
  };
}

function selectControl({ options }) {
  const choices = options.map(({ value, label }) => make("option", { value, textContent: label }));
  const select = make("select", {}, make("option", { value: "", textContent: "Choose…" }), ...choices);
  return {
    node: make("span", { className: "select" }, select),
    input: select,
    read: () => select.value,
    write: (value) => (select.value = isEmpty(value) ? "" : String(value)),
    lock: () => (select.disabled = true),
  };
}

function linesControl({ placeholder = "" }) {
  const area = make("textarea", { rows: 2, placeholder });
  return {
    node: area,
    input: area,
    read: () => area.value.split("\n").map((line) => line.trim()).filter(Boolean),
    write: (value) => (area.value = isEmpty(value) ? "" : [].concat(value).join("\n")),
    lock: () => (area.readOnly = true),
  };
}

function controlFor(definition) {
  if (definition.type === "boolean") return switchControl();
  if (definition.options) return selectControl(definition);
  if (definition.type === "array" || definition.multiple) return linesControl(definition);
  return textControl(definition);
}

/** One field of the form: label, control, and whose value it is. */
export class Field {
  /** Whether the person has typed something that has not been reported yet. */
  touched = false;
  by = "empty";
  /** The problem shown beside it at present. */
  complaint = "";

  #control;
  #badge;
  #note;
  #release;

  /** @param {Record<"onInput" | "onLeave" | "onRelease", (field: Field) => void>} told */
  constructor(definition, { onInput, onLeave, onRelease }) {
    const { key, label, desc = "", required, readOnly, type, wide } = definition;
    this.definition = definition;
    this.key = key;
    this.#control = controlFor(definition);
    const { node, input } = this.#control;
    input.id = `field-${key}`;
    const name = make("label", { id: `label-${key}`, className: "label", textContent: label, htmlFor: input.id });
    if (required) {
      name.append(" ", make("span", { className: "required", textContent: "*", ariaHidden: "true" }));
      input.setAttribute("aria-required", "true");
    }
    if (readOnly) this.#control.lock();

    this.#badge = make("span", { id: `by-${key}`, className: "badge" });
    this.#note = make("span", { id: `note-${key}`, className: "note", textContent: desc });
    this.#release = make("button", { type: "button", className: "link release", textContent: RELEASE });
    this.#release.setAttribute("aria-describedby", name.id);
    input.setAttribute("aria-describedby", `${this.#badge.id} ${this.#note.id}`);

    const head = make("div", { className: "field-head" }, name, this.#badge);
    const foot = make("div", { className: "field-foot" }, this.#note, this.#release);
    this.element = make("div", { className: "field" }, head, node, foot);
    this.element.classList.toggle("wide", Boolean(wide));
    this.element.classList.toggle("switch-field", type === "boolean");
    this.element.dataset.field = key;
    this.element.addEventListener("animationend", () => this.element.classList.remove("arriving"));

    node.addEventListener("input", () => {
      this.touched = true;
      this.complain("");
      onInput(this);
    });
    node.addEventListener("change", () => onLeave(this));
    node.addEventListener("focusout", () => onLeave(this));
    this.#release.addEventListener("click", () => onRelease(this));
    this.show({ value: DEFAULTS[key], by: key in DEFAULTS ? "default" : "empty" });
  }

  get value() {
    return this.#control.read();
  }

  get label() {
    return this.definition.label;
  }

  /**
   * Show a value and whose it is.
   *
   * @param {{value: any, by: string}} record
   * @param {{arrived?: boolean}} [how] `arrived`: the agent has just written it, so catch the eye once.
   */
  show({ value, by }, { arrived = false } = {}) {
    this.by = by;
    // The person may be in the middle of typing: an input that already says the same is left alone.
    if (JSON.stringify(value ?? null) !== JSON.stringify(this.value)) this.#control.write(value);
    if (!isEmpty(value)) this.complain("");
    this.element.dataset.by = by;
    this.#badge.textContent = this.definition.readOnly ? "Fixed" : AUTHORS[by];
    this.element.classList.toggle("written-by-agent", by === "ai");
    if (!arrived) return;
    this.element.classList.remove("arriving");
    void this.element.offsetWidth; // restarts the animation
    this.element.classList.add("arriving");
  }

  /** Offer to give the field back, where it is the person's and somebody could write it. */
  offerRelease(possible) {
    this.#release.hidden = !(possible && isPersons(this.by));
  }

  /** @returns {string} the problem with the value, empty if there is none. */
  get problem() {
    const { type, multiple, required } = this.definition;
    const { validity, validationMessage } = this.#control.input;
    if (required && isEmpty(this.value) && !validity.badInput) return "Required";
    if (validity.patternMismatch) return "Not in the expected form";
    if (!validity.valid) return validationMessage;
    return type === "url" && multiple && !this.value.every(isWebAddress) ? "Not every line is a web address" : "";
  }

  /** Whether the text typed so far is no value, so that there is nothing to report yet. */
  get unreadable() {
    return this.#control.input.validity.badInput;
  }

  /** Show a problem beside the field; an empty text takes it away. */
  complain(problem) {
    this.complaint = problem;
    this.element.classList.toggle("invalid", problem !== "");
    this.#note.textContent = problem || (this.definition.desc ?? "");
    if (problem) this.#control.input.setAttribute("aria-invalid", "true");
    else this.#control.input.removeAttribute("aria-invalid");
  }

  focus() {
    this.#control.input.focus();
  }
}

/** The schema, as it is sent to the server. */
export const SCHEMA = DEFINITIONS.flatMap(({ fields }) => fields).map(({ wide, placeholder, ...sent }) => sent);

/**
 * Build the form.
 *
 * @param {HTMLElement} container
 * @returns {Map<string, Field>}
 */
export function buildForm(container, told) {
  const fields = new Map();
  for (const { title, fields: definitions } of DEFINITIONS) {
    const section = make("fieldset", {}, make("legend", { textContent: title }));
    const grid = make("div", { className: "grid" });
    for (const definition of definitions) {
      const field = new Field(definition, told);
      fields.set(field.key, field);
      grid.append(field.element);
    }
    section.append(grid);
    container.append(section);
  }
  return fields;
}
