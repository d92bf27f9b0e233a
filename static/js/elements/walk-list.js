/** A list to be walked through by keys: j and k move, Enter opens, x marks what was talked about (in this window only). */
class WalkList extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    document.addEventListener("keydown", (event) => this.keydown(event), { signal: this.stop.signal });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  keydown(event) {
    const isTyping = event.target.closest("input, select, textarea, dialog, [contenteditable]");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    if (localStorage.getItem("debrief:shortcuts") === "off") return;
    const items = [...this.querySelectorAll("[data-walk]")];
    const at = items.findIndex((item) => item.contains(document.activeElement));
    if (event.key === "j") items[Math.min(items.length - 1, at + 1)]?.querySelector("a").focus();
    else if (event.key === "k") items[Math.max(0, at - 1)]?.querySelector("a").focus();
    else if (event.key === "x" && at >= 0) this.mark(items, at);
    else return;
    event.preventDefault();
  }

  mark(items, at) {
    const isMarked = items[at].classList.toggle("is-talked-about");
    items[at].querySelector("a").setAttribute("aria-description", isMarked ? "Talked about" : "");
    if (isMarked) items[at + 1]?.querySelector("a").focus();
  }
}

customElements.define("walk-list", WalkList);
