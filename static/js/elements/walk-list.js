/** A list to be walked through by its buttons, which have keys: on, back, and a mark for what was talked about (in this window only). */
class WalkList extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.addEventListener("focusin", ({ target }) => (this.current = target.closest("[data-walk]") ?? this.current), { signal });
    this.addEventListener("click", ({ target }) => this[target.closest("[data-step]")?.dataset.step]?.(), { signal });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  next() {
    this.go(1);
  }

  back() {
    this.go(-1);
  }

  go(step) {
    const items = [...this.querySelectorAll("[data-walk]")];
    const to = Math.min(items.length - 1, Math.max(0, items.indexOf(this.current) + step));
    items[to]?.querySelector("a").focus();
  }

  mark() {
    if (!this.current) return;
    const isMarked = this.current.classList.toggle("is-talked-about");
    this.current.querySelector("a").setAttribute("aria-description", isMarked ? "Talked about" : "");
    if (isMarked) this.next();
  }
}

customElements.define("walk-list", WalkList);
