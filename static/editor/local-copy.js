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

  async open(id, doc) {
    try {
      this.store = new IndexeddbPersistence(nameOf(id), doc);
      this.store.isStore = true;
      await this.store._db;
      await this.store.whenSynced;
      this.isOn = true;
      return (await this.store.get(UNSAVED)) ?? 0;
    } catch {
      this.store = null;
      return 0;
    }
  }

  /** Remember how many changes the server does not have: the next page here says so. */
  note(unsaved) {
    if (!this.isOn || unsaved === this.noted) return;
    this.noted = unsaved;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.store?.set(UNSAVED, unsaved), NOTES_AFTER_MS);
  }

  close() {
    clearTimeout(this.timer);
    this.isOn = false;
    return this.store?.destroy();
  }

  /** This person may no longer read it. */
  async wipe(id) {
    await this.close();
    indexedDB.deleteDatabase(nameOf(id));
  }
}
