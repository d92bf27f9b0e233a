const DAY_MS = 86_400_000;

/** Buttons below a date field: so many days from today. Without a script there is the field. */
class QuickDates extends HTMLElement {
  connectedCallback() {
    const row = document.createElement("div");
    row.className = "quick-dates";
    for (const days of (this.getAttribute("days") ?? "").split(" ").map(Number)) row.append(this.button(days));
    this.append(row);
  }

  disconnectedCallback() {
    this.querySelector(".quick-dates")?.remove();
  }

  button(days) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-ghost btn-xs";
    button.textContent = `In ${days} days`;
    button.addEventListener("click", () => this.choose(days));
    return button;
  }

  choose(days) {
    const field = this.querySelector("input[type=date]");
    const today = new Date();
    const noon = new Date(today.getFullYear(), today.getMonth(), today.getDate(), 12);
    field.value = new Date(noon.getTime() + days * DAY_MS).toLocaleDateString("sv");
    field.dispatchEvent(new Event("change", { bubbles: true }));
    field.focus();
  }
}

customElements.define("quick-dates", QuickDates);
