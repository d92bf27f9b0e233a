import { setCookie } from "../dom.js";

/** Narrows the navigation to its icons, and remembers it. */
class RailToggle extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", this.toggle);
  }

  disconnectedCallback() {
    this.removeEventListener("click", this.toggle);
  }

  toggle(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const root = document.documentElement;
    const isNarrow = root.dataset.rail !== "collapsed";
    if (isNarrow) root.dataset.rail = "collapsed";
    else delete root.dataset.rail;
    setCookie("rail", isNarrow ? "collapsed" : "");
    button.setAttribute("aria-pressed", String(isNarrow));
  }
}

customElements.define("rail-toggle", RailToggle);
