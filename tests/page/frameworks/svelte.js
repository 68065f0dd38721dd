// The same form with two-way bindings.
import { mount } from "svelte";
import Form from "./form.compiled.js";

mount(Form, { target: document.body.appendChild(document.createElement("div")) });
