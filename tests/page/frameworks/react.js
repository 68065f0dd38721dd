// A form of controlled inputs, rendered anew by `rerender`; `state` is what the framework holds.
import { createElement as h, useState } from "react";
import { createRoot } from "react-dom/client";
import { flushSync } from "react-dom";

const EMPTY = { text: "", story: "", count: "", on: false, one: "", pick: "", several: [] };

function Form() {
  const [state, setState] = useState(EMPTY);
  const [count, setCount] = useState(0);
  globalThis.state = state;
  globalThis.rerender = () => flushSync(() => setCount(count + 1));
  const set = (name) => (event) => setState((before) => ({ ...before, [name]: event.target.value }));
  const many = ({ target }) =>
    setState((before) => ({ ...before, several: [...target.selectedOptions].map(({ value }) => value) }));
  const radio = (value) =>
    h("input", { key: value, type: "radio", name: "one", value, checked: state.one === value, onChange: set("one") });
  const option = (value) => h("option", { key: value, value }, value);
  return h("form", { "data-renders": count },
    h("input", { name: "text", value: state.text, onChange: set("text") }),
    h("textarea", { name: "story", value: state.story, onChange: set("story") }),
    h("input", { name: "count", type: "number", value: state.count, onChange: set("count") }),
    h("input", { name: "on", type: "checkbox", checked: state.on,
      onChange: ({ target }) => setState((before) => ({ ...before, on: target.checked })) }),
    ["x", "y"].map(radio),
    h("select", { name: "pick", value: state.pick, onChange: set("pick") }, ["", "red", "blue"].map(option)),
    h("select", { name: "several", multiple: true, value: state.several, onChange: many }, ["p", "q", "r"].map(option)));
}

flushSync(() => createRoot(document.body.appendChild(document.createElement("div"))).render(h(Form)));
