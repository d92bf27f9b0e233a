const OPENS_AFTER_MS = 150;

/** Opens a term's definition on hover and focus too; a click works without this. */
class TermDefinition extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    const [term, panel] = [this.querySelector("button"), this.querySelector("[popover]")];
    const show = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => panel.isConnected && panel.showPopover({ source: term }), OPENS_AFTER_MS);
    };
    const hide = () => {
      clearTimeout(this.timer);
      if (panel.matches(":popover-open")) panel.hidePopover();
    };
    term.addEventListener("focus", () => term.matches(":focus-visible") && show(), { signal });
    term.addEventListener("blur", hide, { signal });
    this.addEventListener("pointerover", (event) => event.pointerType === "mouse" && show(), { signal });
    this.addEventListener("pointerout", (event) => event.pointerType === "mouse" && hide(), { signal });
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.stop.abort();
  }
}

customElements.define("term-definition", TermDefinition);
