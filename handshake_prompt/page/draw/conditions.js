/** Conditions of a form's fields and options (`showIf`, `requiredIf`, `when`). SPEC.md section 5. */

/** @typedef {import("../client.js").Condition} Condition */
/**
 * @typedef {object} Values as they are now; what is not shown is empty.
 * @property {(name: string) => unknown} valueOf of a field.
 * @property {(name: string) => boolean} isFilled whether a field, a list or a group is.
 */

/** @param {Condition} condition @param {Values} values @returns {boolean} whether it holds. */
export function holds(condition, values) {
  if ("all" in condition) return condition.all.every((each) => holds(each, values));
  if ("any" in condition) return condition.any.some((each) => holds(each, values));
  if ("not" in condition) return !holds(condition.not, values);
  if ("filled" in condition) return values.isFilled(condition.filled);
  return [values.valueOf(condition.key)].flat().some((value) => condition.in.includes(/** @type {any} */ (value)));
}
