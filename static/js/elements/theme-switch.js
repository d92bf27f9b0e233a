import { setCookie } from "../dom.js";

/** Light, dark or as the system; the server reads the cookie, so the next page is painted right at once. */
class ThemeSwitch extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", this.choose);
  }

  disconnectedCallback() {
    this.removeEventListener("click", this.choose);
  }

  choose(event) {
    const chosen = event.target.closest("button");
    if (!chosen) return;
    setCookie("theme", chosen.value);
    const root = document.documentElement;
    if (chosen.value) root.dataset.theme = `debrief-${chosen.value}`;
    else delete root.dataset.theme;
    document.querySelector("meta[name=color-scheme]").content = chosen.value || "light dark";
    for (const button of this.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button === chosen));
  }
}

customElements.define("theme-switch", ThemeSwitch);
