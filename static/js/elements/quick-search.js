import Combobox from "@github/combobox-nav";

/** Search from anywhere: opens over the page, answers while one types, and goes where the arrow keys point. */
class QuickSearch extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.dialog = this.querySelector("dialog");
    this.input = this.querySelector("input");
    this.results = this.querySelector("[role=listbox]");
    this.atFirst = [...this.results.childNodes];
    this.combobox = new Combobox(this.input, this.results, { firstOptionSelectionMode: "selected" });
    document.addEventListener("click", (event) => this.opener(event), { signal });
    this.input.addEventListener("input", () => this.typed(), { signal });
    this.input.addEventListener("keydown", (event) => this.key(event), { signal });
    this.dialog.addEventListener("close", () => this.combobox.stop(), { signal });
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close(), { signal });
    this.addEventListener("htmx:before:swap", (event) => this.late(event), { signal });
    this.addEventListener("htmx:after:swap", () => this.point(), { signal });
  }

  disconnectedCallback() {
    this.combobox.destroy();
    this.stop.abort();
  }

  opener(event) {
    if (!event.target.closest?.("[data-opens-search]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (this.dialog.open) return;
    this.input.value = "";
    this.typed();
    this.dialog.showModal();
    this.input.focus();
  }

  typed() {
    if (this.input.value.trim()) return;
    this.results.replaceChildren(...this.atFirst);
    this.point();
  }

  /** An answer to what is no longer asked. */
  late(event) {
    if (!this.input.value.trim()) event.preventDefault();
  }

  point() {
    this.combobox.stop();
    this.combobox.start();
    this.results.scrollTop = 0;
  }

  /** Enter before the answers are here, or with none: the whole search page. */
  key(event) {
    if (event.key !== "Enter" || event.isComposing || this.results.querySelector("[aria-selected=true]")) return;
    event.preventDefault();
    const query = this.input.value.trim();
    if (query) location.assign(`${this.dataset.url}?q=${encodeURIComponent(query)}`);
  }
}

customElements.define("quick-search", QuickSearch);
