/** Words of a drawn form, in English and Chinese. */

const ENGLISH = { add: "Add a row", choose: "Choose…", none: "–", remove: "Remove", yes: "Yes", no: "No" };
/** @type {typeof ENGLISH} */
const CHINESE = { add: "添加一行", choose: "请选择…", none: "–", remove: "删除", yes: "是", no: "否" };

/** @param {string} language a BCP 47 tag. */
export function wordsOf(language) {
  return /^zh\b/i.test(language) ? CHINESE : ENGLISH;
}

/** @typedef {typeof ENGLISH} Words */
