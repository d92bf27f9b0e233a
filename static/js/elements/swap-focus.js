const FIELDS = "input:not([type=hidden]):not([disabled]), textarea, select";

/** When a swap removes what had the focus, the focus goes to its successor: the field, or the part that replaced it. */
class SwapFocus extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    document.addEventListener("htmx:before:swap", (event) => this.remember(event.detail.ctx), { signal });
    document.addEventListener("htmx:after:swap", (event) => this.restore(event.detail.ctx), { signal });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  remember(ctx) {
    ctx.swapped = ctx.target instanceof Element ? ctx.target : document.querySelector(ctx.target); // an answer names its own
    ctx.hadFocus = ctx.swapped?.contains(document.activeElement) ?? false;
  }

  restore(ctx) {
    if (!ctx.hadFocus) return;
    const successor = ctx.swapped.isConnected ? ctx.swapped : document.getElementById(ctx.swapped.id);
    if (!successor || this.enterOpened(successor) || document.activeElement !== document.body) return;
    const form = successor.matches("form") ? successor : successor.querySelector("form");
    const wanted =
      successor.querySelector("[aria-invalid=true]") ??
      successor.querySelector("[autofocus]") ??
      form?.querySelector(FIELDS) ??
      successor;
    if (wanted === successor && !successor.hasAttribute("tabindex")) successor.setAttribute("tabindex", "-1");
    wanted.focus({ preventScroll: wanted === successor });
  }

  /** A form that was opened within a list takes the focus, also from a row that kept it through the swap. */
  enterOpened(successor) {
    const fields = [...successor.querySelectorAll("form[data-opened]")].flatMap((form) => [...form.querySelectorAll(FIELDS)]);
    const field = fields.find((each) => each.matches("[aria-invalid=true]")) ?? fields[0];
    if (!field || field.form.contains(document.activeElement)) return false;
    field.focus();
    return true;
  }
}

customElements.define("swap-focus", SwapFocus);
