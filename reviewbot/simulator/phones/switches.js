"use strict";
// Every field that stands for a switch sets it as soon as it is changed.
for (const field of document.querySelectorAll("[data-quirk]")) {
  const before = { value: field.value };
  field.addEventListener("change", async () => {
    const answer = await post("/sim/quirks", { [field.dataset.quirk]: field.value });
    field.setCustomValidity(answer.errcode ? answer.errmsg : "");
    field.reportValidity();
    if (answer.errcode) { field.value = before.value; return; }
    before.value = field.value;
    const label = field.closest("label");
    label.classList.add("saved");
    setTimeout(() => label.classList.remove("saved"), 1200);
  });
}
