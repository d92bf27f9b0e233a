import { upload } from "../uploads.js";

/** A text into which files are pasted, dropped or chosen: each is sent at once, and its Markdown stands in the text. */
class AttachFiles extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.text = this.querySelector("textarea");
    this.text.addEventListener("paste", (event) => this.take(event, event.clipboardData), { signal });
    this.text.addEventListener("drop", (event) => this.take(event, event.dataTransfer), { signal });
    this.text.addEventListener("dragover", (event) => this.over(event), { signal });
    for (const name of ["dragleave", "drop"]) {
      this.text.addEventListener(name, () => this.classList.remove("is-over"), { signal });
    }
    const chosen = this.querySelector("input[type=file]");
    this.querySelector("[data-choose]").addEventListener("click", () => chosen.click(), { signal });
    chosen.addEventListener("change", () => this.sendAll(chosen.files).then(() => (chosen.value = "")), { signal });
  }

  disconnectedCallback() {
    this.stop.abort();
  }

  over(event) {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    this.classList.add("is-over");
  }

  take(event, transfer) {
    if (!transfer?.files.length || transfer.types.includes("text/plain")) return;
    event.preventDefault();
    this.sendAll(transfer.files);
  }

  async sendAll(files) {
    for (const file of [...files]) await this.send(file);
  }

  async send(file) {
    const place = `[Sending ${file.name.replaceAll(/[[\]]/g, "")} …]()`;
    this.insert(place);
    this.replace(place, await upload(file, this.dataset.url));
  }

  insert(words) {
    this.text.setRangeText(words, this.text.selectionStart, this.text.selectionEnd, "end");
    this.changed();
  }

  /** The place is looked for anew: the text may have been edited while the file was on its way. */
  replace(place, words) {
    const at = this.text.value.indexOf(place);
    if (at >= 0) this.text.setRangeText(words, at, at + place.length, "preserve");
    else if (words) this.text.setRangeText(`\n${words}\n`, this.text.value.length, this.text.value.length, "preserve");
    this.changed();
  }

  changed() {
    this.text.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

customElements.define("attach-files", AttachFiles);
