import { Transaction } from "@codemirror/state";
import { EditorView, ViewPlugin } from "@codemirror/view";
import { ySyncAnnotation } from "y-codemirror.next";

/** What goes on as one step; all else is one by itself: a paste, a completion, a formatting key. */
const GOES_ON = ["input.type", "delete.backward", "delete.forward"];
const LONGEST_MS = 5000;

/** Enter says "input" only, whatever it goes on with on the new line. */
const startsLine = (transaction) => {
  let starts = false;
  if (!/^input(\.type)?$/.test(transaction.annotation(Transaction.userEvent) ?? "")) return starts;
  transaction.changes.iterChanges((_fromA, _toA, _fromB, _toB, inserted) => (starts ||= inserted.lines > 1 && !inserted.line(1).length));
  return starts;
};

/** What is undone at once: never more than a line that was typed, nor than was typed in some seconds. */
export function undoSteps(undoManager) {
  let [current, endsAt] = [null, 0];

  const begin = (transaction) => {
    const isLine = startsLine(transaction);
    const kind = isLine ? GOES_ON[0] : (GOES_ON.find((each) => transaction.isUserEvent(each)) ?? null);
    const goesOn = kind && kind === current && !isLine && Date.now() < endsAt;
    if (goesOn) return;
    undoManager.stopCapturing();
    [current, endsAt] = [kind, Date.now() + LONGEST_MS];
  };

  const own = ({ transactions }) => transactions.filter((each) => each.docChanged && !each.annotation(ySyncAnnotation));
  return [
    ViewPlugin.define(() => ({ update: (update) => own(update).forEach(begin) })),
    EditorView.updateListener.of((update) => own(update).length && !current && undoManager.stopCapturing()),
  ];
}
