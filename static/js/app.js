// What every page loads. One custom element in one file; each starts and stops itself, so swapped-in fragments need no glue.
import "./elements/action-matrix.js";
import "./elements/attach-files.js";
import "./elements/bulk-choice.js";
import "./elements/confirm-dialog.js";
import "./elements/insert-reference.js";
import "./elements/keep-text.js";
import "./elements/key-shortcuts.js";
import "./elements/quick-dates.js";
import "./elements/quick-search.js";
import "./elements/rail-toggle.js";
import "./elements/signed-out.js";
import "./elements/submit-once.js";
import "./elements/swap-focus.js";
import "./elements/term-definition.js";
import "./elements/theme-switch.js";
import "./elements/toast-region.js";
import "./elements/walk-list.js";
