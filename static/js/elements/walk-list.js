const today = () => new Date().toLocaleDateString("sv");

/**
 * A list to be walked through by its buttons, which have keys: on, back, and a mark for what was talked about.
 * Marks are this window's, for today: they are there again for who opened an item and came back.
 */
class WalkList extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.store = `talked-about ${location.pathname}`;
    this.marked = this.read();
    for (const item of this.querySelectorAll("[data-walk]")) this.show(item);
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
    const name = this.nameOf(this.current);
    const isMarked = !this.marked.delete(name);
    if (isMarked) this.marked.add(name);
    sessionStorage.setItem(this.store, JSON.stringify({ day: today(), marked: [...this.marked] }));
    this.show(this.current);
    if (isMarked) this.next();
  }

  read() {
    const { day, marked } = JSON.parse(sessionStorage.getItem(this.store)) ?? {};
    return new Set(day === today() ? marked : []);
  }

  show(item) {
    const isMarked = this.marked.has(this.nameOf(item));
    item.classList.toggle("is-talked-about", isMarked);
    const link = item.querySelector("a");
    if (isMarked) link.setAttribute("aria-description", "Talked about");
    else link.removeAttribute("aria-description");
  }

  nameOf(item) {
    return item.querySelector("a").getAttribute("href");
  }
}

customElements.define("walk-list", WalkList);
