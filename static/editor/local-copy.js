import { IndexeddbPersistence } from "y-indexeddb";

import { PREFIX } from "../js/local-copies.js";

const UNSAVED = "unsaved";
const NOTES_AFTER_MS = 300;

const nameOf = (id) => `${PREFIX}${document.documentElement.dataset.user}:${id}`;

/**
 * The document in this browser, so that typing goes on without a network and a closed tab loses nothing. Never for
 * restricted post-mortems. `isOn` is false where the browser keeps nothing: the page says so then.
 */
export class LocalCopy {
  isOn = false;
  noted = 0;
  written = 0;
  isLeftOver = false;

  /** `onGone`: called when the browser takes the copy away, as a sign-out in another tab does. */
  constructor(onGone) {
    this.onGone = onGone;
  }

  async open(id, doc) {
    try {
      this.store = new IndexeddbPersistence(nameOf(id), doc);
      this.store.isStore = true;
      const database = await this.store._db;
      for (const name of ["versionchange", "close"]) database.addEventListener(name, () => this.gone());
      await this.store.whenSynced;
      this.keep(doc);
      this.noted = this.written = (await this.store.get(UNSAVED)) ?? 0;
      return this.noted;
    } catch {
      this.store = null;
      return 0;
    }
  }

  /** What was kept before the post-mortem was restricted: taken out, and nothing put in; `wipe` it when it is saved. */
  async openLeftOver(id, doc) {
    const databases = (await indexedDB.databases?.()) ?? [];
    if (!databases.some(({ name }) => name === nameOf(id))) return 0;
    const unsaved = await this.open(id, doc);
    await this.close();
    this.isLeftOver = true;
    return unsaved;
  }

  /** It is restricted from now on: nothing more is put in; `wipe` it when all is saved. */
  async leave() {
    if (!this.isOn) return;
    await this.close();
    this.isLeftOver = true;
  }

  /** Nothing else that listens to the document may miss a change because it could not be kept here. */
  keep(doc) {
    const { store } = this;
    const write = store._storeUpdate;
    doc.off("update", write);
    store._storeUpdate = (update, origin) => {
      try {
        write(update, origin);
      } catch {
        this.gone();
      }
    };
    doc.on("update", store._storeUpdate);
    this.isOn = true;
  }

  gone() {
    if (!this.isOn) return;
    this.close();
    this.onGone();
  }

  /** Remember how many changes the server does not have: the next page here says so. That there are any, at once. */
  note(unsaved) {
    if (!this.isOn || unsaved === this.noted) return;
    this.noted = unsaved;
    if (unsaved && !this.written) this.write();
    else this.timer ||= setTimeout(() => this.write(), NOTES_AFTER_MS);
  }

  write() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.written = this.noted;
    this.store.set(UNSAVED, this.noted);
  }

  close() {
    clearTimeout(this.timer);
    this.isOn = false;
    return this.store?.destroy();
  }

  /** This person may no longer read it. */
  async wipe(id) {
    this.isLeftOver = false;
    await this.close();
    const request = indexedDB.deleteDatabase(nameOf(id));
    await new Promise((resolve) => {
      request.onsuccess = request.onerror = request.onblocked = resolve;
    });
  }
}
