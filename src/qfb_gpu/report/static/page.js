"use strict";
(() => {
  const buttons = [...document.querySelectorAll("[data-show]")];
  if (!buttons.length) return;
  const blocks = [...document.querySelectorAll("[data-currency]")];
  const show = (currency) => {
    for (const block of blocks)
      block.classList.toggle("away", block.dataset.currency !== currency);
    for (const button of buttons)
      button.setAttribute("aria-pressed", String(button.dataset.show === currency));
  };
  for (const button of buttons)
    button.addEventListener("click", () => show(button.dataset.show));
  document.documentElement.classList.add("picked");
  show(buttons[0].dataset.show);
})();
