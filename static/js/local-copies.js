/** How the databases begin in which browsers keep documents. */
export const PREFIX = "debrief:live:";

/** At sign-out: no post-mortem stays on this machine. */
export async function removeLocalCopies() {
  const databases = (await indexedDB.databases?.()) ?? [];
  for (const { name } of databases) if (name.startsWith(PREFIX)) indexedDB.deleteDatabase(name);
}
