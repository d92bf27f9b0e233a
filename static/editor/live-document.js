import { EditorView } from "@codemirror/view";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";

import { isChanged, make, toast } from "../js/dom.js";
import { csrfToken } from "../js/csrf.js";
import { Blocks } from "./blocks.js";
import { Coach } from "./coach.js";
import { Comments } from "./comments.js";
import { Connection } from "./connection.js";
import { LocalCopy } from "./local-copy.js";
import { Preview } from "./preview.js";
import { References } from "./references.js";
import { indexIn } from "./remote-cursors.js";
import { hintFor, wordsFor } from "./save-chip.js";
import { SectionEditor } from "./section-editor.js";
import { WhoIsHere } from "./who-is-here.js";

const STARTED_WORDS = 12;

const FIELDS = "form textarea:not([hidden]), form input[type=text]";
const isHalfWritten = (field) => isChanged(field) && !field.closest("keep-text") && field.checkVisibility();

/**
 * The writing page, live: one Y.Doc, an editor a section, kept in step with the server.
 *
 * data-url, data-id: the document. data-insertions, data-people, data-attach: where to ask and send. data-restricted:
 * nothing of it is kept in this browser.
 */
class LiveDocument extends HTMLElement {
  connectedCallback() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.sections = new Map();
    this.doc = new Y.Doc();
    this.awareness = new Awareness(this.doc);
    this.awareness.setLocalState({}); // others pass over the state it is made with: its clock is 0
    this.copy = new LocalCopy(() => this.showStatus());
    this.references = new References(this.dataset.insertions);
    this.blocks = new Blocks(this, () => this.awareness.getStates().size - 1);
    this.comments = new Comments(this, this.sections);
    this.coach = new Coach(this, this.sections);
    this.chip = this.querySelector(".save-chip");
    this.here = new WhoIsHere(this.querySelector(".here"), this.awareness, (cursor) => this.showCursor(cursor));
    this.querySelector(".view-switch").addEventListener("click", (event) => this.chooseView(event), { signal });
    for (const name of ["wheel", "touchmove", "keydown"]) {
      this.addEventListener(name, (event) => this.unfollow(event), { signal, passive: true });
    }
    this.watchBar(this.querySelector(".live-bar"));
    this.querySelector(".offer-text").addEventListener("click", () => this.copyText(), { signal });
    this.querySelector(".drop-changes").addEventListener("submit", (event) => this.dropChanges(event), { signal });
    window.addEventListener("beforeunload", (event) => this.leaving(event), { signal });
    document.addEventListener("submit", (event) => this.signingOut(event), { signal, capture: true });
    this.begin(signal);
  }

  /** What sticks below the bar has to know how high it is: on a phone it takes two lines. */
  watchBar(bar) {
    this.barWatch = new ResizeObserver(() => this.style.setProperty("--live-bar", `${bar.offsetHeight}px`));
    this.barWatch.observe(bar);
  }

  disconnectedCallback() {
    this.stop.abort();
    this.barWatch.disconnect();
    this.here.destroy();
    this.blocks.destroy();
    this.comments.destroy();
    this.coach.destroy();
    for (const section of this.sections.values()) {
      section.preview.stop();
      section.editor.destroy();
    }
    this.connection?.destroy();
    this.copy.close();
    this.doc.destroy();
  }

  async begin(signal) {
    const isKept = !("restricted" in this.dataset);
    const unsaved = await (isKept ? this.copy.open(this.dataset.id, this.doc) : this.copy.openLeftOver(this.dataset.id, this.doc));
    if (signal.aborted) return;
    this.connection = new Connection(this.dataset.url, this.doc, this.awareness);
    for (let count = 0; count < unsaved; count += 1) this.connection.outbox.add(false);
    this.connection.addEventListener("status", () => this.showStatus(), { signal });
    this.connection.addEventListener("synced", () => this.mountAll(), { signal });
    this.connection.addEventListener("changed", ({ detail }) => this.changed(detail), { signal });
    this.connection.addEventListener("lost", ({ detail }) => this.lost(detail), { signal });
    if (this.doc.store.clients.size) this.mountAll();
    this.showStatus();
  }

  // -- Sections -------------------------------------------------------------------------------------------------------

  mountAll() {
    for (const place of this.querySelectorAll("[data-live-section]")) {
      if (!this.sections.has(place.dataset.liveSection)) this.mount(place);
    }
    this.comments.place();
    this.setAttribute("data-ready", "");
    this.showStatus();
  }

  mount(place) {
    const { liveSection: id, label, previewUrl } = place.dataset;
    const ytext = this.doc.getText(`section-${id}`);
    const panel = place.closest(".section");
    const editor = new SectionEditor({
      place,
      ytext,
      label,
      awareness: this.awareness,
      nonce: this.dataset.nonce,
      references: this.references,
      peopleUrl: this.dataset.people,
      attachUrl: this.dataset.attach,
      views: () => [...this.sections.values()].map(({ editor: { view } }) => view),
      extensions: [this.comments.extensions(place), this.coach.extensions],
    });
    const preview = new Preview(panel.querySelector(".live-preview"), previewUrl, ytext, () => this.connection.isUp);
    this.sections.set(id, { editor, preview, panel, ytext });
    panel.classList.add("is-live");
    const redraw = () => {
      this.showProgress(id, panel, ytext);
      this.comments.later();
      this.coach.later(id);
    };
    ytext.observe(redraw);
    redraw();
    preview.show(this.view !== undefined && this.view !== "write");
  }

  showProgress(id, panel, ytext) {
    const words = ytext.toString().split(/\s+/).filter(Boolean).length;
    const progress = words === 0 ? "empty" : words < STARTED_WORDS ? "started" : "written";
    panel.classList.toggle("is-empty", words === 0);
    const mark = document.getElementById(`progress-${id}`);
    if (!mark || mark.textContent === progress) return;
    mark.textContent = progress;
    mark.className = `progress-mark progress-${progress}`;
  }

  csrf() {
    return { "X-CSRFToken": csrfToken() };
  }

  chooseView(event) {
    const chosen = event.target.closest("[data-view]");
    if (!chosen) return;
    this.view = chosen.dataset.view;
    this.dataset.shows = this.view;
    for (const each of this.querySelectorAll("[data-view]")) each.setAttribute("aria-pressed", String(each === chosen));
    for (const { preview } of this.sections.values()) preview.show(this.view !== "write");
  }

  // -- Others ---------------------------------------------------------------------------------------------------------

  showCursor(cursor) {
    for (const { editor, ytext } of this.sections.values()) {
      const at = indexIn(ytext, cursor.head, editor.view.state.doc.length);
      if (at === null) continue;
      const show = () => editor.view.dispatch({ effects: EditorView.scrollIntoView(at, { y: "center" }) });
      show();
      requestAnimationFrame(show); // far lines have their true height only once they are drawn
      return;
    }
  }

  unfollow(event) {
    if (event.type !== "keydown" || event.key === "Escape" || event.target.closest(".cm-editor")) this.here.follow(null);
  }

  /** A part of the post-mortem changed; what may be shown of it at once stands behind its name. Or it says more than that. */
  changed(said) {
    const [part, detail] = said.split("\n");
    if (part === "everything") return this.blocks.missedSome();
    if (part === "restricted") return this.copy.leave().then(() => this.showStatus());
    document.dispatchEvent(new CustomEvent("debrief:changed", { detail: { part, ...(detail ? JSON.parse(detail) : {}) } }));
    if (part === "sections") this.offerReload();
    else this.blocks.changed(part);
    if (part !== "text" && part !== "people") this.references.load();
  }

  /** Sections came, went or moved: what is typed is safe, so the page can be loaded anew whenever it suits. */
  offerReload() {
    const notice = this.querySelector(".live-notice");
    if (notice.childElementCount) return;
    const button = make("button", { type: "button", class: "btn btn-sm" }, "Show them");
    button.addEventListener("click", () => this.reload());
    notice.append(make("p", {}, "The sections of this post-mortem were changed."), button);
  }

  /** Load the page anew, at the section that is looked at. */
  reload() {
    const here = [...this.querySelectorAll(".section[id]")].find((section) => section.getBoundingClientRect().bottom > window.innerHeight / 3);
    if (here) history.replaceState(history.state, "", `#${here.id}`);
    location.reload();
  }

  // -- What is saved --------------------------------------------------------------------------------------------------

  showStatus() {
    const { connection, copy, chip } = this;
    if (!connection) return;
    if (connection.isUp && this.wasGone) this.blocks.missedSome();
    this.wasGone = connection.state === "offline";
    const { tone, text } = wordsFor(connection, copy);
    if (chip.textContent !== text) chip.textContent = text;
    chip.dataset.tone = tone;
    chip.title = hintFor(connection);
    chip.dataset.line = connection.state;
    copy.note(connection.outbox.count);
    if (copy.isLeftOver && connection.isUp && connection.isSynced && !connection.outbox.count) copy.wipe(this.dataset.id);
    for (const { editor, preview } of this.sections.values()) {
      editor.allow(connection.mayWrite && connection.state !== "lost");
      preview.again();
    }
    const isLost = connection.state === "lost";
    this.querySelector(".offer-text").hidden = !(connection.outbox.count && (isLost || !connection.mayWrite));
    this.querySelector(".drop-changes").hidden = !(connection.outbox.count && isLost);
  }

  /** There is no way back to this document: no right to it any more, or a copy that the server cannot take. */
  lost(code) {
    if (code !== 4404) return toast("Debrief cannot take in what was written here. Copy your text, then drop the changes.", "error");
    this.connection.destroy();
    this.copy.wipe(this.dataset.id);
    toast("You may no longer see this post-mortem.", "warning");
    for (const { editor, preview } of this.sections.values()) {
      preview.stop();
      editor.destroy();
    }
    this.sections.clear();
    this.replaceChildren(make("p", { class: "live-gone", role: "alert" }, "You may no longer see this post-mortem."));
  }

  /** What cannot be saved any more can at least be taken along. */
  async copyText() {
    const parts = [...this.sections.values()].map(({ panel, ytext }) => `## ${panel.querySelector("h2").textContent}\n\n${ytext}`);
    await navigator.clipboard.writeText(parts.join("\n\n"));
    toast("The text of this page was copied, yours included.", "success");
  }

  /** Kept here, they would end the next page as they ended this one. */
  async dropChanges(event) {
    event.preventDefault();
    this.connection.destroy();
    this.connection.outbox.waiting = [];
    await this.copy.wipe(this.dataset.id);
    location.reload();
  }

  leaving(event) {
    const isUnsaved = this.connection?.outbox.count && !this.copy.isOn;
    if (isUnsaved || [...this.querySelectorAll(FIELDS)].some(isHalfWritten)) event.preventDefault();
  }

  /** Signing out removes what this browser keeps: what is not saved yet would be gone. */
  signingOut(event) {
    if (!event.target.matches("[data-sign-out]")) return;
    if (this.connection?.outbox.count) {
      event.preventDefault();
      toast("Some of what you wrote is not saved yet. Wait for “Saved”, then sign out.", "warning");
    } else this.copy.wipe(this.dataset.id);
  }
}

customElements.define("live-document", LiveDocument);
