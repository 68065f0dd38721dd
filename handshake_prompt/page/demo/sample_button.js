/** The button that starts the sample agent, and the log of its steps. */

import { runSampleAgent } from "./sample_agent.js";
import { STORIES } from "./stories.js";

const tag = document.querySelector("handshake-prompt");
const list = document.getElementById("log");

/** @param {string} text @param {"agent" | "refused"} [kind] */
function log(text, kind = "agent") {
  const item = Object.assign(document.createElement("li"), { className: kind });
  const time = Object.assign(document.createElement("time"), { textContent: new Date().toLocaleTimeString("en-GB") });
  item.append(time, Object.assign(document.createElement("span"), { textContent: text }));
  list.prepend(item);
  list.hidden = false;
}

document.getElementById("sample-agent").addEventListener("click", async () => {
  try {
    const session = await tag.open();
    await runSampleAgent(session.prompt ?? (await session.rotate()), STORIES[tag.getAttribute("name")], log);
  } catch (error) {
    log(`The sample agent stopped: ${error.message}`, "refused");
  }
});
