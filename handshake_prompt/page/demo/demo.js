/** The page's own part beside the form and the tag: the sample agent's button and log, and the receipt. */

import { runSampleAgent } from "./sample_agent.js";

const AUTHORS = { default: "Page", user: "You", user_edit: "You edited", ai: "Agent" };
const NOTHING = "–";

const $ = (id) => document.getElementById(id);
const tag = document.querySelector("handshake-prompt");

function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** @param {string} text @param {"agent" | "refused"} [kind] */
function log(text, kind = "agent") {
  const time = make("time", { textContent: new Date().toLocaleTimeString("en-GB") });
  $("log").prepend(make("li", { className: kind }, time, make("span", { textContent: text })));
  $("log").hidden = false;
}

function shown({ type, checked, value, selectedOptions }) {
  if (type === "checkbox") return checked ? "Yes" : "No";
  return (value && selectedOptions?.[0].label) || value.replace(/(?<=\d)T(?=\d)/, " ") || NOTHING;
}

function showReceipt({ result, id, at, authors }) {
  const rows = [...$("report").elements].filter(({ name }) => name).map((control) => {
    const [by, value] = [authors[control.name], shown(control)];
    const badge = make("span", { className: `badge ${by}`, textContent: AUTHORS[by], hidden: value === NOTHING });
    const label = make("th", { scope: "row", textContent: control.labels[0].textContent });
    return make("tr", { id: `row-${control.name}` }, label, make("td", { textContent: value }), make("td", {}, badge));
  });
  const time = new Date(at).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });
  $("receipt-note").textContent = `Report ${result.number}, filed ${time}\nReceipt ${id}`;
  $("receipt-rows").replaceChildren(...rows);
  $("receipt").showModal();
}

$("sample-agent").addEventListener("click", async () => {
  const session = await tag.open().catch((error) => log(error.message, "refused"));
  if (!session) return;
  const running = runSampleAgent(session.prompt ?? (await session.rotate()), log);
  await running.catch((error) => log(`The sample agent stopped: ${error.message}`, "refused"));
});

$("report").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const outcome = await (await tag.open()).submit();
    if (outcome.ok) showReceipt(outcome);
    $("outcome").textContent = outcome.ok ? "" : "Something has only just changed: look at it, and submit again.";
  } catch (error) {
    $("outcome").textContent = error.message;
  }
});
