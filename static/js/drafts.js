// Text kept in this browser until the server has it. Keys begin with the person's id: nobody else here is shown it.
const PREFIX = "debrief:text:";
const person = () => document.documentElement.dataset.user;
const keyOf = (name) => `${PREFIX}${person()}:${name}`;

/** The draft kept under `name`, or null. */
export function readDraft(name) {
  try {
    return JSON.parse(localStorage.getItem(keyOf(name)));
  } catch {
    localStorage.removeItem(keyOf(name));
    return null;
  }
}

/** Keep `draft`; false when the browser refuses, its store being full or switched off. */
export function writeDraft(name, draft) {
  try {
    localStorage.setItem(keyOf(name), JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

export function removeDraft(name) {
  localStorage.removeItem(keyOf(name));
}

/** At sign-out: nothing of anyone's text stays on this machine. */
export function removeAllDrafts() {
  for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key);
}
