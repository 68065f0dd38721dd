/**
 * Registration of tools with the browser (WebMCP, W3C Draft Community Group Report of 2026), in the shapes that browsers
 * have: `document.modelContext`, whose `registerTool` promises and takes a signal; `navigator.modelContext` before it, with
 * `unregisterTool`, or with a handle; and at first `provideContext` for all tools at once.
 */

/** @typedef {(input: any) => Promise<any>} Execute */
/** @typedef {{name: string, description: string, inputSchema: object, annotations: object, execute: Execute}} PageTool */

/** Sets of tools in one document, such as those of several forms. */
const MOST_SETS = 9;

/** @returns {any} the browser's registry of tools; null if it has none. */
export function modelContext() {
  return /** @type {any} */ (document).modelContext ?? /** @type {any} */ (navigator).modelContext ?? null;
}

/**
 * Register tools until the signal. Where the page has others of these names the set gets a number behind its names. A page
 * that may not have tools, by its Permissions-Policy or in an insecure context, has none.
 *
 * @param {any} context
 * @param {PageTool[]} tools
 * @param {AbortSignal} signal
 */
export async function register(context, tools, signal) {
  if (!context.registerTool) return provide(context, tools, signal);
  for (let set = 1; set <= MOST_SETS && !signal.aborted; set += 1) {
    const named = tools.map((tool) => ({ ...tool, name: set === 1 ? tool.name : `${tool.name}_${set}` }));
    if (!(await areNamesTaken(context, named, signal))) return;
  }
}

/** Register a set, or nothing of it. @param {any} context @param {PageTool[]} tools @param {AbortSignal} signal */
async function areNamesTaken(context, tools, signal) {
  const attempt = new AbortController();
  const until = AbortSignal.any([signal, attempt.signal]);
  /** @type {any[]} */
  const outcomes = await Promise.allSettled(tools.map((tool) => registerOne(context, tool, until)));
  const refused = outcomes.filter(({ status }) => status === "rejected");
  if (refused.length > 0) attempt.abort();
  return refused.some(({ reason }) => reason?.name === "InvalidStateError");
}

/** @param {any} context @param {PageTool} tool @param {AbortSignal} signal */
async function registerOne(context, tool, signal) {
  let isHeeded = false;
  const options = { get signal() { return (isHeeded = true, signal); } };
  const handle = await context.registerTool(tool, options);
  if (isHeeded) return;
  const unregister = () => (handle?.unregister ? handle.unregister() : context.unregisterTool?.(tool.name));
  if (signal.aborted) unregister();
  signal.addEventListener("abort", unregister, { once: true });
}

/** @param {any} context @param {PageTool[]} tools @param {AbortSignal} signal */
function provide(context, tools, signal) {
  context.provideContext({ tools });
  signal.addEventListener("abort", () => context.provideContext({ tools: [] }), { once: true });
}
