// The same form with `v-model`, one of its inputs lazy.
import { createApp, nextTick, reactive, ref } from "vue/dist/vue.esm-bundler.js";

const state = reactive({ text: "", story: "", count: "", on: false, one: "", pick: "", several: [] });
const renders = ref(0);
Object.defineProperty(globalThis, "state", { get: () => JSON.parse(JSON.stringify(state)) });
globalThis.rerender = () => ((renders.value += 1), nextTick());

createApp({
  setup: () => ({ state, renders }),
  template: `<form :data-renders="renders">
    <input name="text" v-model="state.text"><textarea name="story" v-model.lazy="state.story"></textarea>
    <input name="count" type="number" v-model="state.count"><input name="on" type="checkbox" v-model="state.on">
    <input v-for="each in ['x', 'y']" :key="each" name="one" type="radio" :value="each" v-model="state.one">
    <select name="pick" v-model="state.pick"><option v-for="each in ['', 'red', 'blue']" :value="each">{{ each }}</option>
    </select>
    <select name="several" multiple v-model="state.several"><option v-for="each in ['p', 'q', 'r']">{{ each }}</option>
    </select></form>`,
}).mount(document.body.appendChild(document.createElement("div")));
