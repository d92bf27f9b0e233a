const PAUSE_MS = 600;

/** Asks the coach about the form it stands in, whenever its typing pauses; what it says stands here. */
class CoachLive extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    const later = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.ask(), PAUSE_MS);
    };
    for (const name of ["input", "change"]) this.closest("form").addEventListener(name, later, { signal });
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.stop.abort();
  }

  ask() {
    const values = Object.fromEntries(new FormData(this.closest("form")));
    window.htmx.ajax("POST", this.dataset.url, { source: this, target: this, swap: "innerHTML", values });
  }
}

customElements.define("coach-live", CoachLive);
