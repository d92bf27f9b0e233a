import { EditorState } from "@codemirror/state";
import { ySyncAnnotation } from "y-codemirror.next";

const CONTROL = /[\0-\x08\x0b-\x1f\x7f]/g;

const isHigh = (unit) => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit) => unit >= 0xdc00 && unit <= 0xdfff;

/** Whether `at` is in the middle of a character of two UTF-16 units. */
function isInside(text, at) {
  if (at <= 0 || at >= text.length) return false;
  const around = text.sliceString(at - 1, at + 1);
  return isHigh(around.charCodeAt(0)) && isLow(around.charCodeAt(1));
}

/**
 * What is written here moves whole characters and brings no control characters: browsers replace half a character when
 * one emoji becomes another, and the server refuses what it could not read again.
 */
export const wholeCharacters = EditorState.transactionFilter.of((transaction) => {
  if (!transaction.docChanged || transaction.annotation(ySyncAnnotation)) return transaction;
  const { doc } = transaction.startState;
  const changes = [];
  let isMended = false;
  transaction.changes.iterChanges((fromA, toA, _fromB, _toB, inserted) => {
    const from = isInside(doc, fromA) ? fromA - 1 : fromA;
    const to = isInside(doc, toA) ? toA + 1 : toA;
    const words = doc.sliceString(from, fromA) + inserted.sliceString(0, inserted.length, "\n") + doc.sliceString(toA, to);
    const insert = words.replace(CONTROL, "").toWellFormed();
    isMended ||= from !== fromA || to !== toA || insert !== words;
    changes.push({ from, to, insert });
  });
  if (!isMended) return transaction;
  return { changes, effects: transaction.effects, userEvent: "input", scrollIntoView: transaction.scrollIntoView };
});
