/** Rows of a list that are chosen to be changed together: counts them, offers all, and shows the bar once there are some. */
class BulkChoice extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.boxes = [...this.querySelectorAll("input[name=chosen]")];
    this.all = this.makeAll();
    this.addEventListener("change", (event) => this.changed(event), { signal });
    this.addEventListener("click", (event) => this.clicked(event), { signal });
    this.show();
  }

  disconnectedCallback() {
    this.stop.abort();
    this.all?.remove();
  }

  makeAll() {
    const cell = this.querySelector("th.cell-choose");
    const box = document.createElement("input");
    Object.assign(box, { type: "checkbox", className: "checkbox checkbox-sm" });
    box.setAttribute("aria-label", "Choose all on this page");
    cell?.append(box);
    return box;
  }

  changed({ target }) {
    if (target === this.all) for (const box of this.boxes) box.checked = target.checked;
    this.show();
  }

  /** With Shift, everything between the last choice and this one. */
  clicked({ target, shiftKey }) {
    const at = this.boxes.indexOf(target);
    if (at < 0) return;
    if (shiftKey && this.last !== undefined) {
      const [from, to] = [Math.min(at, this.last), Math.max(at, this.last)];
      for (const box of this.boxes.slice(from, to + 1)) box.checked = target.checked;
    }
    this.last = at;
  }

  show() {
    const count = this.boxes.filter((box) => box.checked).length;
    this.all.checked = count > 0 && count === this.boxes.length;
    this.all.indeterminate = count > 0 && !this.all.checked;
    this.querySelector(".bulk-bar").hidden = !count;
    this.querySelector(".bulk-count").textContent = `${count} chosen`;
    const isDone = this.querySelector("[name=status]").value === "done";
    this.querySelector("[data-when-done]").hidden = !isDone;
  }
}

customElements.define("bulk-choice", BulkChoice);
