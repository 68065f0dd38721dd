/** The pages' own part beside form and tag: submission, and the receipt. */

const AUTHORS = { default: "Page", user: "You", user_edit: "You edited", ai: "Agent" };
const NOTHING = "–";

const $ = (id) => document.getElementById(id);
const tag = document.querySelector("handshake-prompt");

function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** What a session holds, in the order of the form: field by field, cell by cell. */
function entriesOf(session) {
  const entry = (field, key, label) => ({ field, key, label, value: session.fields.get(key)?.value });
  const row = (list, id, index) => list.fields.map((cell) =>
    entry(cell, `${list.key}/${id}/${cell.key}`, `${list.label} ${index + 1}: ${cell.label}`));
  return session.schema.flatMap((field) => field.type === "rows"
    ? session.rows(field.key).flatMap((id, index) => row(field, id, index))
    : entry(field, field.key, field.label ?? field.group));
}

function shown({ options = [], type }, value) {
  if (Array.isArray(value)) return value.join("\n") || NOTHING;
  if (type === "boolean") return value ? "Yes" : "No";
  return options.find((option) => option.value === value)?.label ?? String(value ?? NOTHING).replace(/(?<=:\d\d):00$/, "");
}

function showReceipt({ result, id, at, authors }, entries) {
  const rows = entries.filter(({ key }) => key in authors).map(({ field, key, label, value }) => {
    const text = shown(field, value) || NOTHING;
    const badge = make("span", { className: `badge ${authors[key]}`, textContent: AUTHORS[authors[key]], hidden: text === NOTHING });
    const name = make("th", { scope: "row", textContent: label });
    return make("tr", { id: `row-${key}` }, name, make("td", { textContent: text }), make("td", {}, badge));
  });
  const time = new Date(at).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });
  $("receipt-note").textContent = `${result.title}, filed ${time}\nReceipt ${id}`;
  $("receipt-rows").replaceChildren(...rows);
  $("receipt").showModal();
}

tag.form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const session = await tag.open();
    const outcome = await session.submit();
    if (outcome.ok) showReceipt(outcome, entriesOf(session));
    $("outcome").textContent = outcome.ok ? "" : "Something has only just changed: look at it, and submit again.";
  } catch (error) {
    $("outcome").textContent = error.message;
  }
});
