import { install, uninstall } from "@github/hotkey";

import { make } from "../dom.js";

const STORE = "debrief:shortcuts";

/** Shortcuts from every `data-hotkey` on the page; `?` lists them; those of single keys can be switched off. */
class KeyShortcuts extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.dialog = this.querySelector("dialog");
    this.box = this.querySelector("[name=shortcuts]");
    this.box.checked = localStorage.getItem(STORE) !== "off";
    this.box.addEventListener("change", () => this.choose(), { signal });
    this.querySelector("[value=close]").addEventListener("click", () => this.dialog.close(), { signal });
    document.addEventListener("click", (event) => this.opener(event), { signal });
    document.addEventListener("htmx:after:swap", () => this.installAll(), { signal });
    this.installAll();
  }

  disconnectedCallback() {
    this.stop.abort();
    for (const element of this.hotkeys()) uninstall(element);
  }

  hotkeys() {
    return [...document.querySelectorAll("[data-hotkey]")];
  }

  /** Only those with Ctrl or Cmd stay when the others are off: a person who speaks to the machine types letters. */
  installAll() {
    for (const element of this.hotkeys()) {
      uninstall(element);
      const keys = element.dataset.hotkey.split(",").filter((key) => this.box.checked || key.includes("Mod+"));
      if (keys.length) install(element, keys.join(","));
    }
  }

  choose() {
    if (this.box.checked) localStorage.removeItem(STORE);
    else localStorage.setItem(STORE, "off");
    this.installAll();
  }

  opener(event) {
    if (!event.target.closest?.("[data-opens-shortcuts]")) return;
    document.querySelector("#user-menu:popover-open")?.hidePopover();
    this.list();
    this.dialog.showModal();
  }

  /** Those that an editor on the page has of its own are told by `data-editor-keys`. */
  list() {
    const rows = [...document.querySelectorAll("[data-hotkey], [data-editor-keys]")].map((element) => {
      const { hotkey, hotkeyLabel, editorKeys } = element.dataset;
      const label = hotkeyLabel ?? element.textContent.trim().replaceAll(/\s+/g, " ");
      return make("div", {}, make("dt", {}, label), this.keysOf(hotkey ?? editorKeys));
    });
    this.querySelector(".shortcut-list").replaceChildren(...rows);
  }

  keysOf(hotkey) {
    const isMac = navigator.platform.startsWith("Mac");
    const description = make("dd", { class: "keys" });
    for (const [index, choice] of hotkey.split(",").entries()) {
      if (index) description.append(" or ");
      const keys = choice.split(/[ +]/).map((key) => (key === "Mod" ? (isMac ? "⌘" : "Ctrl") : key));
      description.append(...keys.map((key) => make("kbd", { class: "kbd" }, key.length > 1 ? key : key.toUpperCase())));
    }
    return description;
  }
}

customElements.define("key-shortcuts", KeyShortcuts);
