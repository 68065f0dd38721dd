/** The journey's form, drawn from the fields of the server's model, and the source of that model. */

import { drawForm } from "./handshake/draw.js";

const form = document.getElementById("trip");
const { fields, defaults } = await (await fetch("handshake/forms/trip")).json();
drawForm(fields, {
  form,
  values: defaults,
  classes: { fields: "grid", group: "group", field: "field", hint: "hint", choices: "choices", rows: "rows", row: "row grid" },
});
document.getElementById("model").textContent = await (await fetch("trip_model.py")).text();
