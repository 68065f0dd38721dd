// What is declared against what is there: `declared/` has the types, `implemented/` the modules, and nothing else.
import * as declaredClient from "./declared/client.js";
import * as declaredDraw from "./declared/draw.js";
import * as declaredElement from "./declared/element.js";
import * as declaredForm from "./declared/form.js";
import * as declaredTools from "./declared/webmcp.js";
import * as client from "./implemented/client.js";
import * as draw from "./implemented/draw.js";
import * as element from "./implemented/element.js";
import * as form from "./implemented/form.js";
import * as tools from "./implemented/webmcp.js";

/** Names that are there and not declared: of a module, of a class, of its instances. */
type Undeclared<There, Declared> =
  | Exclude<keyof There, keyof Declared>
  | {
      [Name in keyof There & keyof Declared]: There[Name] extends abstract new (...given: any) => infer Made
        ? Declared[Name] extends abstract new (...given: any) => infer DeclaredOnes
          ? Exclude<keyof There[Name], keyof Declared[Name]> | Exclude<keyof Made, keyof DeclaredOnes>
          : Name
        : never;
    }[keyof There & keyof Declared];

/** Accepts `never` alone: an error names what is missing in the declarations. */
function allDeclared<_Missing extends never>(): void {}
allDeclared<Undeclared<typeof client, typeof declaredClient>>();
allDeclared<Undeclared<typeof draw, typeof declaredDraw>>();
allDeclared<Undeclared<typeof element, typeof declaredElement>>();
allDeclared<Undeclared<typeof form, typeof declaredForm>>();
allDeclared<Undeclared<typeof tools, typeof declaredTools>>();

// All that is declared is there, and of that type.
export const isClient: typeof declaredClient = client;
export const isDraw: typeof declaredDraw = draw;
export const isElement: typeof declaredElement = element;
export const isForm: typeof declaredForm = form;
export const isTools: typeof declaredTools = tools;
