/** The button of a page that shows a text to be copied, such as a prompt on a phone. Without scripts the page has none. */

import { copyText } from "./clipboard.js";

const area = document.querySelector("textarea");
const button = document.querySelector("button");

if (area && button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (await copyText(area.value)) button.textContent = button.dataset.copied ?? "";
    else area.select();
  });
}
