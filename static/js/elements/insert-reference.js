/** Writes the chosen fact's name, in double braces, where the caret is in the text named by data-for. */
class InsertReference extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", this.insert);
  }

  disconnectedCallback() {
    this.removeEventListener("click", this.insert);
  }

  insert(event) {
    const choice = event.target.closest(".insert-choice");
    if (!choice) return;
    const text = document.getElementById(this.dataset.for);
    text.setRangeText(`{{${choice.value}}}`, text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
    this.querySelector("details").open = false;
    text.focus();
  }
}

customElements.define("insert-reference", InsertReference);
