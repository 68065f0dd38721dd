/** Check of a tool's input against its schema: browsers hand an agent's input on as it is. */

/** @type {Record<string, (value: any) => boolean>} The types of JSON Schema, section 4.2.1 of its core. */
const TYPES = {
  array: Array.isArray,
  integer: Number.isInteger,
  null: (value) => value === null,
  number: Number.isFinite,
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  string: (value) => typeof value === "string",
};

/**
 * Say what is wrong with a value, in the keywords that the tools' schemas have.
 *
 * @param {Record<string, any>} schema
 * @param {any} value
 * @param {string} [place] of the value in the input.
 * @returns {string | null}
 */
export function objection(schema, value, place = "input") {
  const fits = (/** @type {any} */ one) => objection(one, value) === null;
  if (schema.anyOf) return schema.anyOf.some(fits) ? null : wrongType(schema, place);
  if (schema.type && !TYPES[schema.type](value)) return wrongType(schema, place);
  if (value < schema.minimum || value > schema.maximum) return `${place} is from ${schema.minimum} to ${schema.maximum}`;
  if (schema.minItems > value?.length || schema.minProperties > Object.keys(value ?? {}).length) return `${place} is empty`;
  if (schema.type === "array") return first(value, (item, at) => objection(schema.items, item, `${place}[${at}]`));
  return schema.type === "object" ? objectionToMembers(schema, value, place) : null;
}

/** @param {Record<string, any>} schema @param {any} value @param {string} place */
function objectionToMembers({ properties = {}, required = [], additionalProperties = true }, value, place) {
  const missing = required.find((/** @type {string} */ name) => !Object.hasOwn(value, name));
  if (missing) return `${place}.${missing} is missing`;
  return first(Object.entries(value), ([name, member]) => {
    const schema = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    if (schema === false) return `${place} takes no ${JSON.stringify(name)}`;
    return schema === true ? null : objection(schema, member, `${place}.${name}`);
  });
}

/** @param {any[]} values @param {(value: any, at: number) => string | null} check */
function first(values, check) {
  for (const [at, value] of values.entries()) {
    const found = check(value, at);
    if (found) return found;
  }
  return null;
}

/** @param {Record<string, any>} schema @param {string} place */
function wrongType({ type, anyOf }, place) {
  const types = anyOf ? anyOf.map((/** @type {any} */ one) => one.type).join(" or ") : type;
  return `${place} is of type ${types}`;
}
