const WAITS_MS = 4000;

const changes = (count) => `${count} ${count === 1 ? "change" : "changes"}`;

const clock = (date) => date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

/** What the chip says: nothing that is not so. "Saved" is said only of what the server has committed. */
export function wordsFor(connection, copy) {
  const { state, outbox, mayWrite, isSynced } = connection;
  const kept = copy.isOn ? "kept here" : "only in this tab";
  if (state === "lost") return { tone: "error", text: outbox.count ? `Not saved: ${changes(outbox.count)} ${kept}` : "Disconnected" };
  if (state === "connecting" || (connection.isUp && !isSynced)) return { tone: "busy", text: "Connecting…" };
  if (!connection.isUp) {
    const text = outbox.count ? `Offline — ${changes(outbox.count)} ${kept}` : "Offline — everything is saved";
    return { tone: "warning", text };
  }
  if (!mayWrite) {
    return outbox.count
      ? { tone: "error", text: `Read-only now — ${changes(outbox.count)} not saved, ${kept}` }
      : { tone: "quiet", text: "Read-only now" };
  }
  if (outbox.age > WAITS_MS) return { tone: "warning", text: `Waiting to be saved — ${changes(outbox.count)} ${kept}` };
  if (outbox.count) return { tone: "busy", text: "Saving…" };
  return { tone: "saved", text: outbox.savedAt ? `Saved ${clock(outbox.savedAt)}` : "All changes saved" };
}

export const hintFor = (connection) =>
  connection.state === "polling"
    ? "Something between this browser and Debrief blocks live connections, so it asks over plain HTTP. Nothing else differs."
    : "";
